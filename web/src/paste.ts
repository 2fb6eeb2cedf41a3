/**
 * Keeps the meaning of pasted text under a policy that forbids inline styles.
 *
 * Other editors write bold as `style="font-weight:700"`, and wrap everything in a `<b>` that a style makes normal
 * again. The policy drops those styles wherever HTML is parsed, so they are renamed first and turned into elements.
 */

/** Renames what the policy would block and report. Reports depend on this; safety does not. */
export function withoutStyles(html: string): string {
  return html
    .replace(/<style[\s\S]*?<\/style\s*>/gi, '')
    .replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\s(style|on[a-z]+)\s*=/gi, ' data-$1='))
}

/** The elements that an inline style stands for, outermost first. */
export function meaningOf(style: string): string[] {
  const value = (property: string) =>
    new RegExp(`(?:^|;)\\s*${property}\\s*:\\s*([^;]+)`, 'i').exec(style)?.[1]?.trim().toLowerCase() ?? ''
  const weight = value('font-weight')
  const lines = `${value('text-decoration')} ${value('text-decoration-line')}`
  const elements: string[] = []
  if (weight === 'bold' || weight === 'bolder' || Number(weight) >= 600) elements.push('strong')
  if (/italic|oblique/.test(value('font-style'))) elements.push('em')
  if (lines.includes('line-through')) elements.push('s')
  if (lines.includes('underline')) elements.push('u')
  return elements
}

/** Whether a style takes back the weight that its own element gives. */
export function isPlainWeight(style: string): boolean {
  return /(?:^|;)\s*font-weight\s*:\s*(?:normal|[1-5]00)\b/i.test(style)
}

/** The HTML that the editor may parse. */
export function cleanPaste(html: string): string {
  const { body } = new DOMParser().parseFromString(withoutStyles(html), 'text/html')
  for (const element of body.querySelectorAll('[data-style]')) {
    const style = element.getAttribute('data-style') ?? ''
    element.removeAttribute('data-style')
    if (element.matches('b, strong') && isPlainWeight(style)) element.replaceWith(...element.childNodes)
    else if (element.matches('span, font, a')) wrapContent(element, meaningOf(style))
  }
  // A line break between two blocks is an empty paragraph; the last one is the clipboard's own.
  body.querySelectorAll('br.Apple-interchange-newline').forEach((br) => br.remove())
  for (const br of body.querySelectorAll(':scope > br')) {
    if (isBlock(br.previousElementSibling) || isBlock(br.nextElementSibling)) {
      br.replaceWith(body.ownerDocument.createElement('p'))
    }
  }
  return body.innerHTML
}

function wrapContent(element: Element, tags: string[]): void {
  for (const tag of tags) {
    // A link is underlined by being one.
    if (tag === 'u' && element.closest('a') !== null) continue
    const wrapper = element.ownerDocument.createElement(tag)
    wrapper.append(...element.childNodes)
    element.append(wrapper)
  }
}

function isBlock(element: Element | null): boolean {
  return element?.matches('p, h1, h2, h3, h4, h5, h6, ul, ol, table, blockquote, pre, div, hr') ?? false
}
