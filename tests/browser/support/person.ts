/** Somebody with a browser of their own: what they see and do on the page. */
import { expect, type Locator, type Page } from '@playwright/test'

export type State =
  | 'connecting'
  | 'saving'
  | 'saved'
  | 'offline'
  | 'unsaved'
  | 'no-access'
  | 'deleted'
  | 'too-large'
  | 'readonly'

/** The editor's own handle, which TipTap leaves on its element. */
interface Handle extends Element {
  editor: {
    getJSON(): unknown
    chain(): { focus(at?: string): { insertContent(content: unknown): { run(): boolean }; run(): boolean } }
    commands: { insertContentAt(at: number, content: unknown): boolean }
    state: { doc: { content: { size: number } } }
  }
}

/** Before a page is loaded: makes its time one that a test can stop. */
export const stopsTime = ({ page }: Person) => page.clock.install()

export class Person {
  readonly pill: Locator
  readonly text: Locator
  readonly title: Locator

  constructor(readonly page: Page) {
    this.pill = page.locator('#pill')
    this.text = page.locator('.ProseMirror')
    this.title = page.getByRole('textbox', { name: 'Title' })
  }

  async sees(state: State, timeout?: number): Promise<void> {
    await expect(this.pill).toHaveAttribute('data-state', state, timeout === undefined ? {} : { timeout })
  }

  async state(): Promise<State> {
    return (await this.pill.getAttribute('data-state')) as State
  }

  /** Types at the end of the text, key by key. */
  async types(words: string): Promise<void> {
    await this.text.click()
    await this.page.keyboard.press('ControlOrMeta+End')
    await this.page.keyboard.type(words)
  }

  /** The document as the editor holds it. The names beside carets are no part of it. */
  json(): Promise<unknown> {
    return this.page.evaluate(() => (document.querySelector('.ProseMirror') as unknown as Handle).editor.getJSON())
  }

  /** The words of the document, one line a block. */
  words(): Promise<string> {
    return this.page.evaluate(() => {
      const lines: string[] = []
      const walk = (node: { type: string; text?: string; content?: never[] }): string =>
        node.text ?? (node.content ?? []).map(walk).join('')
      const blocks = (node: { type: string; content?: never[] }) => {
        if (['paragraph', 'heading', 'codeBlock'].includes(node.type)) lines.push(walk(node))
        else for (const child of node.content ?? []) blocks(child)
      }
      blocks((document.querySelector('.ProseMirror') as unknown as Handle).editor.getJSON() as never)
      return lines.join('\n')
    })
  }

  /** Makes that many edits, each one an update of its own, in one turn of the page. */
  async edits(from: number, count: number): Promise<void> {
    await this.page.evaluate(
      ([from, count]) => {
        const { editor } = document.querySelector('.ProseMirror') as unknown as Handle
        for (let edit = from; edit < from + count; edit += 1) {
          editor.commands.insertContentAt(editor.state.doc.content.size - 1, `<${edit}>`)
        }
      },
      [from, count] as const,
    )
  }

  /** Pastes as another application would. */
  async pastes(html: string, plain = ''): Promise<void> {
    await this.text.focus()
    await this.page.evaluate(
      ([html, plain]) => {
        const clipboardData = new DataTransfer()
        clipboardData.setData('text/html', html)
        clipboardData.setData('text/plain', plain)
        document
          .querySelector('.ProseMirror')
          ?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
      },
      [html, plain] as const,
    )
  }

  /** Stops the page's time, which goes on with `page.clock`: what happens now is no timer's doing. */
  async timeStands(): Promise<void> {
    await this.page.clock.pauseAt(await this.page.evaluate(() => Date.now() + 1_000))
  }

  async hasSame(other: Person): Promise<void> {
    await expect.poll(async () => JSON.stringify(await this.json())).toBe(JSON.stringify(await other.json()))
  }
}
