/** The examples for the browser, served as their READMEs say. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Locator, type Page } from '@playwright/test'
import { expect, SERVER_GONE, test as base } from '../support/fixture'
import { freePort } from '../support/server'

const folder = (example: string) => fileURLToPath(new URL(`../../../examples/${example}`, import.meta.url))

const test = base.extend<{ serve: (example: string, tandem: string) => Promise<string> }>({
  /** Runs `npm run dev` of an example before a server, and gives the example's address. */
  serve: async ({}, use) => {
    const ends: (() => Promise<unknown>)[] = []
    await use(async (example, tandem) => {
      const port = await freePort()
      const vite = spawn(process.execPath, ['node_modules/vite/bin/vite.js', '--port', String(port), '--strictPort'], {
        cwd: folder(example),
        env: { ...process.env, TANDEM_URL: tandem.replace(/\/$/, ''), NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const ended = once(vite, 'exit')
      ends.push(() => (vite.kill(), ended))
      return await new Promise<string>((resolve, reject) => {
        let said = ''
        const hear = (chunk: Buffer) => {
          said += chunk.toString()
          const address = /Local:\s+(http:\S+)/.exec(said)?.[1]
          if (address !== undefined) resolve(address)
        }
        vite.stdout.on('data', hear)
        vite.stderr.on('data', hear)
        void ended.then(() => reject(new Error(`vite ended: ${said}`)))
      })
    })
    await Promise.all(ends.map((end) => end()))
  },
})

test('the TipTap example: two windows share a page, which outlives the server', async ({ person, startServer, serve, name }) => {
  const server = await startServer()
  const visit = { at: `${await serve('tiptap-hocuspocus', server.url)}#${name}`, until: null, allow: SERVER_GONE }
  const [ada, grace] = [await person('Ada', visit), await person('Grace', visit)]
  const state = ada.page.getByRole('status')
  await expect(state).toHaveText('Saved')
  await ada.types('# Shared\nby two')
  await expect(grace.text.locator('h1')).toHaveText('Shared')
  await grace.types(' windows')
  await expect(ada.text).toContainText('by two windows')
  await ada.hasSame(grace)

  await expect(state).toHaveText('Saved')
  await expect(grace.page.getByRole('status')).toHaveText('Saved')
  await server.kill()
  await expect(state).toHaveText('Offline, kept here')
  await ada.types(' and a pause')
  await server.start()
  await expect(grace.text).toContainText('and a pause', { timeout: 45_000 })
  await expect(state).toHaveText('Saved')
  await ada.hasSame(grace)

  await ada.page.reload()
  await expect(ada.text).toContainText('by two windows and a pause')
  await ada.hasSame(grace)
})

test('the CodeMirror example: two windows share a file and see each other, and it outlives the server', async ({ person, startServer, serve, name }) => {
  const server = await startServer()
  const visit = { at: `${await serve('codemirror-y-websocket', server.url)}#${name}`, until: null, allow: SERVER_GONE }
  const [ada, grace] = [await person('Ada', visit), await person('Grace', visit)]
  const [one, two] = [ada, grace].map(({ page }) => ({ page, file: page.getByRole('textbox'), state: page.getByRole('status') })) as [Window, Window]
  await expect(one.state).toHaveText(/^Shared as Guest/)
  await expect(two.state).toHaveText(/^Shared as Guest/)
  await types(one, 'const shared = true')
  await expect.poll(() => written(two)).toContain('const shared = true')
  await types(two, ' // by two')
  await expect.poll(() => written(one)).toContain('const shared = true // by two')
  await expect(one.page.locator('.cm-ySelectionInfo')).toHaveText(/^Guest/)

  // Undo takes back one's own words and nobody else's.
  await one.file.press('ControlOrMeta+z')
  await expect.poll(() => written(two)).not.toContain('const shared')
  await expect.poll(() => written(two)).toContain('// by two')
  await one.file.press('ControlOrMeta+y')
  await expect.poll(() => written(two)).toContain('const shared = true // by two')

  await server.kill()
  await expect(one.state).toHaveText('Offline, kept here')
  await types(one, ' and a pause')
  await server.start()
  await expect.poll(() => written(two), { timeout: 45_000 }).toContain('and a pause')
  await one.page.reload()
  await expect.poll(() => written(one)).toContain('const shared = true // by two and a pause')
})

interface Window {
  page: Page
  file: Locator
  state: Locator
}

/** The file's text without the names that stand at other people's cursors. */
const written = ({ file }: Window) => file.evaluate((shown) => {
  const copy = shown.cloneNode(true) as HTMLElement
  for (const caret of copy.querySelectorAll('.cm-ySelectionCaret')) caret.remove()
  return copy.textContent
})

const types = async ({ page, file }: Window, words: string) => {
  await file.click()
  await page.keyboard.press('ControlOrMeta+End')
  await page.keyboard.type(words)
}

test('the whiteboard example: shapes are drawn, moved, painted over and removed by two people', async ({ person, startServer, serve, name }) => {
  const server = await startServer()
  const visit = { at: `${await serve('whiteboard-hocuspocus', server.url)}#${name}`, until: null, allow: SERVER_GONE }
  const [one, two] = [(await person('Ada', visit)).page, (await person('Grace', visit)).page]
  await expect(one.getByRole('status')).toHaveText('Saved')
  await one.getByRole('button', { name: 'Rectangle' }).click()
  await expect(two.locator('rect')).toHaveCount(1)

  // Alone, since shapes are drawn anywhere and a later one may cover it. Dragged by one, it moves for the other, who sees whose pointer it is.
  const rectangle = one.locator('rect')
  const from = await rectangle.boundingBox()
  if (from === null) throw new Error('the rectangle is not drawn')
  await one.mouse.move(from.x + 20, from.y + 20)
  await one.mouse.down()
  await one.mouse.move(from.x + 170, from.y + 90, { steps: 5 })
  await expect(two.locator('.pointer')).toHaveText(/Guest/)
  await one.mouse.up()
  await expect.poll(async () => (await two.locator('rect').boundingBox())?.x).toBeCloseTo(from.x + 150, 0)
  await two.getByRole('button', { name: 'Circle' }).click()
  for (const page of [one, two]) await expect(page.locator('[data-shape]')).toHaveCount(2)

  // What nobody saw yet is kept over an outage, and moves by keys.
  await expect(one.getByRole('status')).toHaveText('Saved')
  await server.kill()
  await expect(one.getByRole('status')).toHaveText('Offline, kept here')
  const x = Number(await one.locator('circle').getAttribute('cx'))
  await one.locator('circle').focus()
  await one.keyboard.press('ArrowRight')
  await server.start()
  await expect.poll(async () => Number(await two.locator('circle').getAttribute('cx')), { timeout: 45_000 }).toBeCloseTo(x + 10)
  await two.locator('circle').focus()
  await two.keyboard.press('Delete')
  await expect(one.locator('[data-shape]')).toHaveCount(1)
  await two.getByRole('button', { name: 'Undo' }).click()
  await expect(one.locator('[data-shape]')).toHaveCount(2)
  await expect(two.getByRole('status')).toHaveText('Saved')
  await one.reload()
  await expect(one.locator('[data-shape]')).toHaveCount(2)
})
