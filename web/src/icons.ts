/** The icons, drawn as lines so that they take the colour of their text. */

const PATHS = {
  undo: ['M8 5 4 9l4 4', 'M4 9h10a5 5 0 0 1 0 10h-4'],
  redo: ['m16 5 4 4-4 4', 'M20 9H10a5 5 0 0 0 0 10h4'],
  title: ['M4 6v12', 'M13 6v12', 'M4 12h9', 'm17 10 3-2v10'],
  heading: ['M4 6v12', 'M13 6v12', 'M4 12h9', 'M17 11c.2-1.6 3.6-1.8 3.6.5 0 2-3.6 3.2-3.6 6.5h3.8'],
  bold: ['M7 5h6a3.5 3.5 0 0 1 0 7H7z', 'M7 12h7a3.5 3.5 0 0 1 0 7H7z'],
  italic: ['M10 5h8', 'M6 19h8', 'M14 5l-4 14'],
  strike: ['M4 12h16', 'M17 7.5C16.5 6 14.7 5 12 5 9 5 7 6.3 7 8.4c0 1.2.6 2.1 1.8 2.7', 'M7 16c.4 1.9 2.3 3 5 3 3 0 5-1.3 5-3.5 0-.6-.1-1-.3-1.5'],
  code: ['m9 7-5 5 5 5', 'm15 7 5 5-5 5'],
  bullets: ['M10 6h10', 'M10 12h10', 'M10 18h10', 'M5 6h.01', 'M5 12h.01', 'M5 18h.01'],
  numbers: ['M11 6h9', 'M11 12h9', 'M11 18h9', 'M4 4.5 5.5 4v4', 'M4 15c.3-1.2 2.5-1.2 2.5.3 0 1.2-2.5 2.2-2.5 3.7h2.7'],
  quote: ['M5 6v12', 'M10 8h10', 'M10 12h10', 'M10 16h6'],
  copy: ['M9 9h10v11H9z', 'M15 9V4H5v11h4'],
  close: ['M6 6l12 12', 'M18 6 6 18'],
} as const

export type IconName = keyof typeof PATHS

const SVG = 'http://www.w3.org/2000/svg'

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path')
    path.setAttribute('d', d)
    svg.append(path)
  }
  return svg
}
