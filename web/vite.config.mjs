import { defineConfig } from 'vite'

// Two builds of one commit are byte-identical, and nothing inline is emitted: the page runs under a policy
// that allows neither inline scripts nor inline styles.
export default defineConfig({
  // Relative addresses, so that the page also works under a sub-path behind a proxy.
  base: './',
  // Two copies of Yjs or of ProseMirror's model in one page break `instanceof` in quiet ways.
  resolve: { dedupe: ['yjs', 'y-protocols', 'lib0', '@tiptap/core', '@tiptap/pm'] },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 600,
    license: { fileName: 'THIRD_PARTY.md' },
  },
})
