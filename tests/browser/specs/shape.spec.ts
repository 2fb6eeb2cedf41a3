import AxeBuilder from '@axe-core/playwright'
import { expect, test } from '../support/fixture'
import type { Person } from '../support/person'
import { mint, remove } from '../support/token'

async function nothingToComplain({ page }: Person): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
}

test('axe finds nothing: writing, sharing, the list of people @phone', async ({ person }) => {
  const ada = await person('Ada')
  await ada.types('# A heading')
  await ada.page.keyboard.press('Enter')
  await ada.page.keyboard.type('Some words.')
  await ada.sees('saved')
  const grace = await person('Grace', { hue: 4 })
  await grace.types(' More.')
  await expect(ada.page.locator('.caret')).toBeAttached()
  await nothingToComplain(ada)
  await ada.page.getByRole('button', { name: 'Share' }).click()
  await nothingToComplain(ada)
  await ada.page.keyboard.press('Escape')
  await ada.page.getByRole('button', { name: '2 people are here' }).click()
  await nothingToComplain(ada)
})

test('axe finds nothing: no access, offline @phone', async ({ person, server }) => {
  const eve = await person('Eve', { token: 'none', until: 'no-access' })
  await nothingToComplain(eve)
  const ada = await person('Ada')
  await ada.page.context().setOffline(true)
  await ada.sees('offline')
  await expect(ada.page.getByRole('alert')).toContainText('No connection')
  await nothingToComplain(ada)
  expect(server.port).toBeGreaterThan(0)
})

test('axe finds nothing: reading only, too large, deleted @phone', async ({ person, startServer, name }) => {
  const server = await startServer({ TANDEM__LIMITS__MESSAGE_BYTES: '131072' })
  const ada = await person('Ada', { server })
  await ada.types('Little.')
  await ada.sees('saved')
  const vera = await person('Vera', {
    server,
    token: mint(server.secret, { sub: 'vera', rooms: { [name]: 'viewer' } }),
    until: 'readonly',
  })
  await nothingToComplain(vera)
  await ada.pastes(`<p>${'too much '.repeat(20_000)}</p>`)
  await ada.sees('too-large')
  await nothingToComplain(ada)
  await remove(server, name)
  await vera.sees('deleted')
  await nothingToComplain(vera)
})

test('a narrow page has nothing beside it, and its tools are large enough @phone', async ({ person }) => {
  const ada = await person('Ada', { context: { viewport: { width: 390, height: 844 } } })
  await ada.types('A line that is long enough to be broken on the width of any telephone. ')
  await ada.title.fill('A title that is longer than the telephone is wide')
  const { page } = ada
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  const tools = page.getByRole('toolbar').getByRole('button')
  const boxes = await tools.evaluateAll((all) =>
    all.map((tool) => tool.getBoundingClientRect()).filter(({ width }) => width > 0).map(({ width, height, right }) => ({ width, height, right })),
  )
  expect(boxes).toHaveLength(9)
  for (const box of boxes) {
    expect(box.height).toBeGreaterThanOrEqual(44)
    expect(box.width).toBeGreaterThanOrEqual(36)
    expect(box.right).toBeLessThanOrEqual(390)
  }
})

test('a bar that tells of trouble moves nothing over the text @phone', async ({ person }) => {
  const ada = await person('Ada')
  await ada.types('To be read all the while.')
  await ada.sees('saved')
  const covers = () =>
    ada.page.evaluate(() => {
      const word = document.querySelector('.ProseMirror p')?.getBoundingClientRect()
      const at = word && document.elementFromPoint(word.left + 4, word.top + word.height / 2)
      return at?.closest('.ProseMirror') === null ? at.outerHTML.slice(0, 80) : 'nothing'
    })
  const toolbar = ada.page.getByRole('toolbar')
  const height = (await toolbar.boundingBox())?.height
  expect(await covers()).toBe('nothing')
  await ada.page.context().setOffline(true)
  await expect(ada.page.getByRole('alert')).toContainText('No connection')
  expect(await covers()).toBe('nothing')
  expect((await toolbar.boundingBox())?.height).toBe(height)
  // However far down: the toolbar is where it was, under the bars or at the foot.
  await ada.types('\n'.repeat(60))
  await ada.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight / 2))
  const notice = await ada.page.getByRole('alert').boundingBox()
  const tools = await toolbar.boundingBox()
  if (notice === null || tools === null) throw new Error('no bars')
  expect(tools.y >= notice.y + notice.height || tools.y + tools.height <= notice.y, 'the bars do not overlap').toBe(true)
})

test('the page is dark for whoever likes it dark', async ({ person }) => {
  const [light, dark] = [await person('Ada'), await person('Grace', { context: { colorScheme: 'dark' } })]
  const paper = (one: Person) => one.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  expect(await paper(light)).toBe('rgb(250, 248, 244)')
  expect(await paper(dark)).toBe('rgb(21, 22, 20)')
})

test('everything can be reached and done with the keyboard alone', async ({ person }) => {
  const ada = await person('Ada')
  const { page } = ada
  const { keyboard } = page
  const focused = () =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? '')
  const stops: string[] = []
  for (let stop = 0; stop < 7; stop += 1) {
    await keyboard.press('Tab')
    stops.push(await focused())
  }
  expect(stops).toEqual([
    'Skip to the text',
    'Tandem: start a new document',
    'Title',
    'Share',
    expect.stringContaining('Only you are here'),
    'Undo',
    'Text',
  ])

  await keyboard.type('plain ')
  await keyboard.press('ControlOrMeta+b')
  await keyboard.type('bold')
  await expect(ada.text.locator('strong')).toHaveText('bold')
  await keyboard.press('Shift+Tab')
  expect(await focused()).toBe('Undo')
  await keyboard.press('ArrowRight')
  expect(await focused()).toBe('Redo')
  await keyboard.press('End')
  expect(await focused()).toBe('Quote')
  await keyboard.press('Enter')
  await expect(ada.text.locator('blockquote')).toContainText('plain bold')
  await expect(page.getByRole('button', { name: 'Quote' })).toHaveAttribute('aria-pressed', 'true')

  await page.getByRole('button', { name: 'Share' }).focus()
  await keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toBeVisible()
  await expect(page.getByLabel('Link to this document')).toBeFocused()
  await keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toBeHidden()
  await expect(page.getByRole('button', { name: 'Share' })).toBeFocused()

  await page.getByRole('button', { name: 'Only you are here' }).focus()
  await keyboard.press('Enter')
  await expect(page.getByLabel('Your name')).toBeVisible()
  await keyboard.press('Escape')
  await expect(page.getByLabel('Your name')).toBeHidden()
})

test('the link that is copied opens this document, and carries nothing else', async ({ person, name }) => {
  const ada = await person('Ada', { context: { permissions: ['clipboard-read', 'clipboard-write'] } })
  await ada.page.getByRole('button', { name: 'Share' }).click()
  const dialog = ada.page.getByRole('dialog')
  await expect(dialog).toContainText('Ada (you)')
  await dialog.getByRole('button', { name: 'Copy' }).click()
  await expect(dialog.getByRole('button', { name: 'Copied' })).toBeVisible()
  const link = new URL(await ada.page.evaluate(() => navigator.clipboard.readText()))
  expect([...link.searchParams]).toEqual([['doc', name]])
  expect(link.hash).toBe('')
  expect(link.origin).toBe(new URL(ada.page.url()).origin)
})

test('the share dialog says what a guest may do with the link, and shows its beginning', async ({ person, startServer }) => {
  const open = await person('Ada')
  await open.page.getByRole('button', { name: 'Share' }).click()
  await expect(open.page.getByRole('dialog')).toContainText('has the link can read and write here.')
  expect(await open.page.getByLabel('Link to this document').evaluate((link) => link.scrollLeft)).toBe(0)

  const server = await startServer({ TANDEM__AUTH__DEFAULT_RIGHT: 'viewer' })
  const vera = await person('Vera', { server, until: 'readonly' })
  await vera.page.getByRole('button', { name: 'Share' }).click()
  const dialog = vera.page.getByRole('dialog')
  await expect(dialog).toContainText('has the link can read here.')
  await expect(dialog.locator('[data-part="right"]')).toHaveText('can read')
})

test('an address without a document gives a fresh one, with a name that can be said', async ({ person, server }) => {
  const ada = await person('Ada')
  await ada.page.goto(server.url)
  await ada.sees('saved')
  await expect(ada.page).toHaveURL(/\?doc=[a-z]+-[a-z]+-[a-z2-9]{6}$/)
  await expect(ada.text.locator('.is-editor-empty')).toHaveAttribute(
    'data-placeholder',
    'Write something. Everyone here sees it at once.',
  )
})
