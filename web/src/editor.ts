/** The text itself: TipTap bound to the shared document. */
import { Editor } from '@tiptap/core'
import { Collaboration } from '@tiptap/extension-collaboration'
import { Placeholder } from '@tiptap/extensions'
import { StarterKit } from '@tiptap/starter-kit'
import type { Awareness } from 'y-protocols/awareness'
import type { Doc } from 'yjs'
import { carets } from './carets'
import { cleanPaste } from './paste'

/** The name of the shared text, the one that TipTap's own examples use. */
const FIELD = 'default'

export function createEditor(element: HTMLElement, document: Doc, awareness: Awareness): Editor {
  return new Editor({
    element,
    editable: false,
    // The styles are in our own file: the policy allows no style element.
    injectCSS: false,
    extensions: [
      StarterKit.configure({
        // Undo belongs to the collaboration, so that it takes back only what was written here.
        undoRedo: false,
        // Every window would add its own last paragraph, and so would everybody who only reads.
        trailingNode: false,
        heading: { levels: [1, 2, 3] },
        dropcursor: { class: 'drop-cursor', color: false, width: 2 },
        link: { openOnClick: false, defaultProtocol: 'https' },
      }),
      Collaboration.configure({ document, field: FIELD }),
      Placeholder.configure({ placeholder: 'Write something. Everyone here sees it at once.' }),
      carets(awareness),
    ],
    editorProps: {
      attributes: { 'aria-label': 'Text', 'aria-multiline': 'true', spellcheck: 'true' },
      transformPastedHTML: cleanPaste,
      // The bars stay clear of the line that is being written.
      scrollThreshold: { top: 128, bottom: 72, left: 0, right: 0 },
      scrollMargin: { top: 144, bottom: 96, left: 0, right: 0 },
    },
  })
}

/** Shows or hides the means to write. */
export function setWritable(editor: Editor, writable: boolean): void {
  if (editor.isEditable !== writable) editor.setEditable(writable, false)
}
