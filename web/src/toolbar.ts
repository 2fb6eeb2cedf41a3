/** The toolbar: one stop for the Tab key, arrows inside it. */
import type { ChainedCommands, Editor } from '@tiptap/core'
import { icon, type IconName } from './icons'

interface Tool {
  readonly icon: IconName
  readonly label: string
  readonly keys: string
  readonly run: (chain: ChainedCommands) => ChainedCommands
  readonly pressed?: (editor: Editor) => boolean
  readonly enabled?: (editor: Editor) => boolean
  /** Left out where nine tools share a phone's width. */
  readonly wide?: true
}

const MOD = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl+'

const GROUPS: readonly (readonly Tool[])[] = [
  [
    { icon: 'undo', label: 'Undo', keys: `${MOD}Z`, run: (c) => c.undo(), enabled: (e) => e.can().undo() },
    { icon: 'redo', label: 'Redo', keys: `${MOD}Shift+Z`, run: (c) => c.redo(), enabled: (e) => e.can().redo() },
  ],
  [
    heading(1, 'title', 'Large heading', true),
    heading(2, 'heading', 'Heading'),
  ],
  [
    mark('bold', 'Bold', 'B', (c) => c.toggleBold()),
    mark('italic', 'Italic', 'I', (c) => c.toggleItalic()),
    mark('strike', 'Strikethrough', 'Shift+S', (c) => c.toggleStrike()),
    { ...mark('code', 'Code', 'E', (c) => c.toggleCode()), wide: true },
  ],
  [
    block('bullets', 'bulletList', 'Bulleted list', 'Shift+8', (c) => c.toggleBulletList()),
    block('numbers', 'orderedList', 'Numbered list', 'Shift+7', (c) => c.toggleOrderedList()),
    block('quote', 'blockquote', 'Quote', 'Shift+B', (c) => c.toggleBlockquote()),
  ],
]

function heading(level: 1 | 2, name: IconName, label: string, wide?: true): Tool {
  return {
    icon: name,
    label,
    keys: `${MOD}Alt+${level}`,
    run: (c) => c.toggleHeading({ level }),
    pressed: (e) => e.isActive('heading', { level }),
    ...(wide && { wide }),
  }
}

function mark(name: 'bold' | 'italic' | 'strike' | 'code', label: string, key: string, run: Tool['run']): Tool {
  return { icon: name, label, keys: MOD + key, run, pressed: (e) => e.isActive(name) }
}

function block(name: IconName, node: string, label: string, key: string, run: Tool['run']): Tool {
  return { icon: name, label, keys: MOD + key, run, pressed: (e) => e.isActive(node) }
}

export function createToolbar(bar: HTMLElement, editor: Editor): void {
  const buttons: { tool: Tool; button: HTMLButtonElement }[] = []
  for (const group of GROUPS) {
    const element = document.createElement('div')
    element.className = 'tools'
    for (const tool of group) {
      const button = toolButton(tool, editor)
      buttons.push({ tool, button })
      element.append(button)
    }
    bar.append(element)
  }
  roveFocus(
    bar,
    buttons.map(({ button }) => button),
  )
  const refresh = () => {
    for (const { tool, button } of buttons) {
      if (tool.pressed) button.setAttribute('aria-pressed', String(tool.pressed(editor)))
      if (tool.enabled) button.setAttribute('aria-disabled', String(!tool.enabled(editor)))
    }
  }
  // The undo stack settles after the transaction that changed it.
  editor.on('transaction', () => queueMicrotask(refresh))
  refresh()
}

function toolButton(tool: Tool, editor: Editor): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = tool.wide ? 'tool wide' : 'tool'
  button.tabIndex = -1
  button.title = `${tool.label} (${tool.keys})`
  button.setAttribute('aria-label', tool.label)
  button.append(icon(tool.icon))
  // The text keeps its selection, and a phone its keyboard.
  button.addEventListener('mousedown', (event) => event.preventDefault())
  button.addEventListener('click', (event) => {
    if (button.getAttribute('aria-disabled') === 'true') return
    // A click by keyboard leaves the focus on the toolbar.
    const chain = event.detail === 0 ? editor.chain() : editor.chain().focus()
    tool.run(chain).run()
  })
  return button
}

function roveFocus(bar: HTMLElement, buttons: HTMLButtonElement[]): void {
  const first = buttons[0]
  if (first) first.tabIndex = 0
  bar.addEventListener('keydown', (event) => {
    const shown = buttons.filter((button) => button.offsetParent !== null)
    const at = shown.indexOf(document.activeElement as HTMLButtonElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key]
    const next = to === undefined ? undefined : shown[(to + shown.length) % shown.length]
    if (next === undefined) return
    event.preventDefault()
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1
    next.focus()
  })
}
