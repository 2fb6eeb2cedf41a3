/** The share dialog: the link, and what it is good for. */

export interface Sharing {
  readonly link: string
  readonly document: string
  /** Whether this server lets whoever has the link in as a guest. */
  readonly guests: () => boolean
  /** What you may do here, once the server has said it. A guest has the right that every guest has. */
  readonly right: () => 'write' | 'read' | null
  /** The names of everybody here, you first. */
  readonly present: () => readonly string[]
}

const RIGHTS = { write: 'can read and write', read: 'can read' } as const

export function createShare(button: HTMLButtonElement, dialog: HTMLDialogElement, sharing: Sharing): void {
  const part = <T extends HTMLElement>(name: string) => dialog.querySelector<T>(`[data-part="${name}"]`) as T
  const link = part<HTMLInputElement>('link')
  const copy = part<HTMLButtonElement>('copy')
  const copied = part('copied')
  let timer: ReturnType<typeof setTimeout> | undefined

  button.addEventListener('click', () => {
    link.value = sharing.link
    part('document').textContent = sharing.document
    const right = sharing.right()
    part('reach').textContent = sharing.guests()
      ? right === null
        ? 'Whoever can reach this server can open this link.'
        : `Whoever can reach this server and has the link ${RIGHTS[right]} here.`
      : 'The link says where the document is. To open it, everyone needs an access of their own.'
    part('right').textContent = right === null ? 'not known yet' : RIGHTS[right]
    part('present').textContent = sharing.present().join(', ')
    reset()
    dialog.showModal()
    select()
  })
  copy.addEventListener('click', () => void copyLink())
  // A click beside the dialog closes it, as Escape does.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })

  /** Selects the link from its end, so that its beginning stays in view. */
  function select(): void {
    link.focus()
    link.setSelectionRange(0, link.value.length, 'backward')
    link.scrollLeft = 0
  }

  function reset(): void {
    clearTimeout(timer)
    copy.textContent = 'Copy'
    copied.textContent = ''
  }

  async function copyLink(): Promise<void> {
    select()
    let done = false
    try {
      // Missing on a page that came over plain http from another computer.
      await navigator.clipboard.writeText(link.value)
      done = true
    } catch {
      done = false
    }
    copy.textContent = done ? 'Copied' : 'Copy'
    copied.textContent = done ? 'The link is copied.' : 'The link is selected: copy it with the keyboard or the menu.'
    clearTimeout(timer)
    timer = setTimeout(reset, 4_000)
  }
}
