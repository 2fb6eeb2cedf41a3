/** The title: an input that looks like text, bound to a shared text so that two people can write it at once. */
import type { Text } from 'yjs'

const TITLE_LENGTH_MAX = 200

/** One replacement that turns one text into another. */
export function difference(before: string, after: string): { at: number; remove: number; insert: string } {
  const shorter = Math.min(before.length, after.length)
  let at = 0
  while (at < shorter && before.charCodeAt(at) === after.charCodeAt(at)) at += 1
  // A surrogate pair is never cut in two.
  if (at > 0 && isHigh(before.charCodeAt(at - 1))) at -= 1
  let tail = 0
  while (
    tail < shorter - at &&
    before.charCodeAt(before.length - 1 - tail) === after.charCodeAt(after.length - 1 - tail)
  ) {
    tail += 1
  }
  if (tail > 0 && isLow(before.charCodeAt(before.length - tail))) tail -= 1
  return { at, remove: before.length - at - tail, insert: after.slice(at, after.length - tail) }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

/** Binds the input both ways; `shown` hears every title. */
export function bindTitle(input: HTMLInputElement, text: Text, shown: (title: string) => void): void {
  const show = () => {
    const title = text.toString().slice(0, TITLE_LENGTH_MAX)
    if (input.value !== title) {
      const { selectionStart, selectionEnd } = input
      const change = difference(input.value, title)
      input.value = title
      if (document.activeElement === input) {
        const move = (place: number | null) =>
          place === null || place <= change.at ? place : Math.max(change.at, place + change.insert.length - change.remove)
        input.setSelectionRange(move(selectionStart), move(selectionEnd))
      }
    }
    shown(title)
  }
  input.maxLength = TITLE_LENGTH_MAX
  input.addEventListener('input', (event) => {
    // While an input method composes, its unfinished letters stay here.
    if ((event as InputEvent).isComposing) return
    write()
  })
  input.addEventListener('compositionend', write)
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return
    event.preventDefault()
    document.querySelector<HTMLElement>('.ProseMirror')?.focus()
  })
  text.observe(show)
  show()

  function write(): void {
    const change = difference(text.toString(), input.value)
    if (change.remove === 0 && change.insert === '') return
    text.doc?.transact(() => {
      text.delete(change.at, change.remove)
      text.insert(change.at, change.insert)
    }, 'title')
  }
}
