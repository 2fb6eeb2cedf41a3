import { expect, test } from '../support/fixture'

test('two windows that type at once converge @phone', async ({ person }) => {
  const [ada, grace] = [await person('Ada Lovelace'), await person('Grace Hopper', { hue: 2 })]
  await ada.types('First line from Ada.')
  await expect(grace.text).toContainText('First line from Ada.')
  await Promise.all([
    ada.types(' The engine weaves algebraic patterns. 一二三 😀'),
    grace.types('\nA ship in port is safe, but that is not what ships are for.'),
  ])
  await Promise.all([ada.sees('saved'), grace.sees('saved')])
  await ada.hasSame(grace)
  const words = await ada.words()
  for (const part of ['First line', 'patterns', '一二三 😀', 'ships are for']) {
    // The letters of both may be mixed, but none may be missing.
    for (const letter of part) expect(words).toContain(letter)
  }
})

test('a reload keeps the text and the title @phone', async ({ person }) => {
  const ada = await person('Ada')
  await ada.types('# Kept')
  await ada.page.keyboard.press('Enter')
  await ada.page.keyboard.type('What was saved is there again.')
  await ada.title.fill('A title')
  await ada.sees('saved')
  const before = await ada.json()
  await ada.page.reload()
  await ada.sees('saved')
  expect(await ada.json()).toEqual(before)
  await expect(ada.title).toHaveValue('A title')
  await expect(ada.page).toHaveTitle('A title · Tandem')
})

test('two people write one title', async ({ person }) => {
  const [ada, grace] = [await person('Ada'), await person('Grace')]
  await ada.title.fill('Plan')
  await expect(grace.title).toHaveValue('Plan')
  await grace.title.press('End')
  await grace.title.pressSequentially(' B')
  await expect(ada.title).toHaveValue('Plan B')
})

test('everybody sees the carets, names and colours of the others', async ({ person }) => {
  const ada = await person('Ada Lovelace', { hue: 1 })
  await ada.types('Somewhere in here.')
  const grace = await person('Grace Hopper', { hue: 4 })
  const caret = grace.page.locator('.caret')
  await expect(caret).toHaveClass(/\bp1\b/)
  await expect(caret.locator('.caret-name')).toHaveText('Ada Lovelace')
  await ada.page.keyboard.press('ControlOrMeta+a')
  await expect(grace.page.locator('.sel.p1')).toHaveText(/Somewhere in here/)

  const people = ada.page.getByRole('button', { name: '2 people are here' })
  await people.click()
  await expect(ada.page.locator('#people-list')).toContainText('Grace Hopper')
  await ada.page.getByLabel('Your name').fill('Countess')
  await ada.page.keyboard.press('Enter')
  await ada.types(' Renamed.')
  await expect(caret.locator('.caret-name')).toHaveText('Countess')

  await grace.page.close()
  await expect(ada.page.getByRole('button', { name: 'Only you are here' })).toBeVisible()
})

test('ten reloads leave one person, and no more', async ({ person }) => {
  const [ada, grace] = [await person('Ada'), await person('Grace')]
  for (let reload = 0; reload < 10; reload += 1) {
    await grace.page.reload()
    await grace.sees('saved')
  }
  await expect(ada.page.getByRole('button', { name: '2 people are here' })).toBeVisible()
})

test('a name that is no name, a colour that is none and a caret that is nowhere disturb nobody', async ({ person }) => {
  const [ada, mallory] = [await person('Ada'), await person('Mallory', { hue: 3, allow: /.*/ })]
  await ada.types('Calm.')
  const user = { name: ['<b>', 7], hue: 99, color: 'url(x)', id: { a: 1 } }
  const cursor = { anchor: { item: 'nowhere' }, head: 7 }
  await mallory.page.evaluate(
    async ([user, cursor]) => {
      // The page keeps nothing global, so the state goes the way of a caret: through the editor's own plugin.
      const { editor } = document.querySelector('.ProseMirror') as unknown as {
        editor: { extensionManager: { extensions: { name: string; options: { awareness?: unknown } }[] } }
      }
      const carets = editor.extensionManager.extensions.find(({ name }) => name === 'carets')
      const awareness = carets?.options.awareness as {
        setLocalState(state: unknown): void
        setLocalStateField: unknown
      }
      // Where its colour is somebody else's the page takes another one, and would say its name again with it.
      awareness.setLocalStateField = () => undefined
      awareness.setLocalState({ user, cursor })
      awareness.setLocalState({ user: 'just words', cursor })
    },
    [user, cursor] as const,
  )
  await ada.page.getByRole('button', { name: '2 people are here' }).click()
  await expect(ada.page.locator('#people-list')).toHaveText('SSomebody')
  await ada.types(' Still calm.')
  await ada.sees('saved')
  const grace = await person('Grace')
  await grace.hasSame(ada)
})
