import { defineConfig } from 'vite'

const tandem = process.env.TANDEM_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  // One copy of each, or `instanceof` breaks in quiet ways.
  resolve: { dedupe: ['yjs', 'y-protocols', 'lib0'] },
  // The page asks its own origin and vite hands it on, as a proxy does in production: with the Host that the browser
  // named, since Tandem compares it with the Origin.
  server: {
    proxy: {
      '/api': { target: tandem },
      '/hocuspocus': { target: tandem, ws: true }
    }
  }
})
