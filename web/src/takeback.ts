/** Takes the newest change back for good. */
import type { Editor } from '@tiptap/core'
import { yUndoPluginKey } from '@tiptap/y-tiptap'
import { iterateDeletedStructs, type Item, type UndoManager } from 'yjs'

/**
 * Removes what the newest undo step inserted, without keeping it for a redo.
 *
 * An ordinary undo keeps the removed text, so that it can come back; Yjs then goes on offering it to the server at
 * every connection. A change that the server cannot take has to be let go of.
 */
export function takeBack(editor: Editor): boolean {
  const state = yUndoPluginKey.getState(editor.state) as { undoManager: UndoManager } | undefined
  const manager = state?.undoManager
  const step = manager?.undoStack.at(-1)
  if (!manager || !step) return false
  // Untracked, so that the undo manager keeps none of it.
  manager.doc.transact((transaction) => {
    iterateDeletedStructs(transaction, step.insertions, (struct) => {
      if ('content' in struct) (struct as Item).delete(transaction)
    })
  }, 'take back')
  manager.clear()
  return true
}
