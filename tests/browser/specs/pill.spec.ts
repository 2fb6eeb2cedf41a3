import { expect, SERVER_GONE, test } from '../support/fixture'
import { stopsTime } from '../support/person'
import { mint, remove } from '../support/token'
import { permissionDenied } from '../support/wire'

test('Connecting, while the server has not answered', async ({ person }) => {
  const ada = await person('Ada', { wire: (wire) => wire.allow(false), until: 'connecting' })
  await expect(ada.pill).toHaveText('Connecting')
})

test('Saving, then Not saved yet, then Saved', async ({ person }) => {
  const ada = await person('Ada', { wire: () => {}, before: stopsTime })
  await expect(ada.pill).toHaveText('Saved')
  ada.wire?.hold('status')
  await ada.timeStands()
  await ada.types('Slow.')
  await ada.sees('saving')
  await expect(ada.pill).toHaveText('Saving…')
  await ada.page.clock.runFor(4_000)
  await ada.sees('saving')
  await ada.page.clock.runFor(1_500)
  await ada.sees('unsaved')
  await expect(ada.pill).toHaveText('Not saved yet')
  await ada.page.clock.resume()
  ada.wire?.hold()
  ada.wire?.release()
  await ada.sees('saved')
  await expect(ada.pill).toHaveText('Saved')
})

test('Offline, kept here', async ({ person }) => {
  const ada = await person('Ada', { allow: SERVER_GONE })
  await ada.page.context().setOffline(true)
  await ada.sees('offline')
  await expect(ada.pill).toHaveText('Offline, kept here')
})

test('Can read, for a viewer: what others write appears, and nothing can be written', async ({ person, server, name }) => {
  const ada = await person('Ada')
  await ada.types('For everybody to read.')
  await ada.sees('saved')
  const token = mint(server.secret, { sub: 'vera', name: 'Vera', rooms: { [name]: 'viewer' } })
  const vera = await person('Vera', { token, until: 'readonly' })
  await expect(vera.pill).toHaveText('Can read')
  await expect(vera.text).toContainText('For everybody to read.')
  await expect(vera.text).toHaveAttribute('contenteditable', 'false')
  await expect(vera.title).not.toBeEditable()
  await expect(vera.page.getByRole('toolbar')).toBeHidden()
  await ada.types(' And more.')
  await expect(vera.text).toContainText('And more.')
  await vera.sees('readonly')
})

test('No access: a page of its own before any text was seen', async ({ person, startServer }) => {
  const server = await startServer({ TANDEM__AUTH__GUESTS: 'false' })
  const ada = await person('Ada', { server, until: 'no-access', allow: SERVER_GONE })
  await expect(ada.pill).toHaveText('No access')
  await expect(ada.page.getByRole('heading', { name: 'You can’t open this document' })).toBeVisible()
  await expect(ada.text).toBeHidden()
})

test('No access: a token for another document', async ({ person, server }) => {
  const token = mint(server.secret, { sub: 'eve', rooms: { 'some-other-document': 'editor' } })
  const eve = await person('Eve', { token, until: 'no-access' })
  await expect(eve.page.getByRole('heading', { name: 'You can’t open this document' })).toBeVisible()
})

test('No access: a token that has ended, and then the way in as a guest', async ({ person, server }) => {
  const token = mint(server.secret, { sub: 'eve', seconds: -60 })
  const eve = await person('Eve', { token, until: 'no-access' })
  await expect(eve.page.locator('#wall')).toContainText('has ended')
  await expect(eve.page.getByRole('button', { name: 'Try again' })).toBeHidden()
  await eve.page.getByRole('button', { name: 'Come in as a guest' }).click()
  await eve.sees('saved')
})

test('No access: a mistyped token says so, and leaves two ways on: as a guest, and by the whole link', async ({
  person,
  server,
  name,
}) => {
  const token = mint(server.secret, { sub: 'eve', name: 'Eve With Access', rooms: { [name]: 'editor' } })
  const eve = await person('Eve', { token: token.slice(9, 40), until: 'no-access' })
  const wall = eve.page.locator('#wall')
  await expect(wall).toContainText('a part of it may be missing')
  // Nothing pretends that there is a document.
  for (const part of [eve.title, eve.text, eve.page.getByRole('button', { name: 'Share' })]) await expect(part).toBeHidden()
  await wall.getByRole('button', { name: 'Come in as a guest' }).click()
  await eve.sees('saved')
  await eve.types('As a guest.')
  await eve.sees('saved')

  // The right link in the same window: only its fragment is new.
  await eve.page.goto(`${eve.page.url()}#token=${token}`)
  await expect(eve.page).not.toHaveURL(/token/)
  await eve.sees('saved')
  await eve.page.getByRole('button', { name: 'Only you are here' }).click()
  await expect(eve.page.getByLabel('Your name')).toHaveValue('Eve With Access')
})

test('No access: a token with another signature keeps "Try again", beside the way in as a guest', async ({ person, name }) => {
  const token = mint('a secret that this server does not have', { sub: 'eve', rooms: { [name]: 'editor' } })
  const eve = await person('Eve', { token, until: 'no-access' })
  await expect(eve.page.getByRole('button', { name: 'Try again' })).toBeVisible()
  await eve.page.getByRole('button', { name: 'Come in as a guest' }).click()
  await eve.sees('saved')
})

test('No access: a name that no document can have', async ({ person }) => {
  const ada = await person('Ada', { document: 'x'.repeat(256), until: 'no-access' })
  await expect(ada.page.getByRole('heading', { name: 'A document can’t have this name' })).toBeVisible()
  await ada.page.getByRole('button', { name: 'Start a new document' }).click()
  await ada.sees('saved')
})

test('No access: a document that the server cannot read is not said to be forbidden', async ({ person, name }) => {
  const ada = await person('Ada', {
    until: null,
    wire: (wire) => {
      wire.answer('auth', permissionDenied(name, 'quarantined'))
      wire.hold('sync')
    },
  })
  await ada.sees('no-access')
  await expect(ada.page.getByRole('heading', { name: 'This document can’t be read' })).toBeVisible()
})

test('No access in mid-session: the text stays to be copied', async ({ person, server, name }) => {
  const token = mint(server.secret, { sub: 'eve', seconds: 12, rooms: { [name]: 'editor' } })
  const eve = await person('Eve', { token })
  await eve.types('Written in time.')
  await eve.sees('saved')
  await eve.sees('no-access', 20_000)
  await expect(eve.page.getByRole('alert')).toContainText(/access/)
  await expect(eve.text).toContainText('Written in time.')
  await expect(eve.text).toHaveAttribute('contenteditable', 'false')
  await eve.page.getByRole('button', { name: 'Come in as a guest' }).click()
  await eve.sees('saved')
  await expect(eve.text).toContainText('Written in time.')
  await eve.types(' And after it.')
  await eve.sees('saved')
})

test('Too large: says what is not saved, and undoing it saves again', async ({ person, startServer }) => {
  const server = await startServer({ TANDEM__LIMITS__MESSAGE_BYTES: '131072' })
  const ada = await person('Ada', { server })
  await ada.types('Small.')
  await ada.sees('saved')
  await ada.pastes(`<p>${'much too much '.repeat(20_000)}</p>`)
  await ada.sees('too-large')
  await expect(ada.pill).toHaveText('Too large')
  await expect(ada.page.getByRole('alert')).toContainText('too large for this server')
  await ada.page.getByRole('button', { name: 'Undo it' }).click()
  await ada.sees('saved')
  await expect(ada.page.getByRole('alert')).toBeHidden()
  expect(await ada.words()).toContain('Small.')
  const grace = await person('Grace', { server })
  await grace.hasSame(ada)
})

test('Deleted, while it is open: pill and bar agree, and the text stays to be copied', async ({ person, server, name }) => {
  const ada = await person('Ada', { wire: () => {} })
  await ada.types('Soon gone.')
  await ada.sees('saved')
  await remove(server, name)
  await ada.sees('deleted')
  await expect(ada.pill).toHaveText('Deleted')
  const alert = ada.page.getByRole('alert')
  await expect(alert).toContainText('This document was deleted.')
  await expect(ada.text).toContainText('Soon gone.')
  await expect(ada.text).toHaveAttribute('contenteditable', 'false')
  await expect(ada.page.getByRole('toolbar')).toBeHidden()
  await expect(ada.page.getByRole('button', { name: 'Share' })).toBeHidden()

  // A network that comes back changes nothing about it: nothing is offered again.
  await ada.page.context().setOffline(true)
  await ada.page.context().setOffline(false)
  await ada.sees('deleted')
  expect(ada.wire?.lines).toBe(1)

  await alert.getByRole('button', { name: 'Start a new one' }).click()
  await expect(ada.page).not.toHaveURL(new RegExp(name))
  await ada.sees('saved')
  await expect(ada.text).toHaveText('')
})

test('Deleted, while nobody looked: who comes back with the old text is told, and does not bring it back', async ({
  person,
  server,
  name,
}) => {
  const ada = await person('Ada', { wire: () => {}, allow: SERVER_GONE })
  await ada.types('Written before.')
  await ada.sees('saved')
  ada.wire?.refuse(true)
  await ada.wire?.cut()
  await ada.sees('offline')
  await remove(server, name)
  ada.wire?.refuse(false)
  await ada.sees('deleted')
  await expect(ada.page.getByRole('alert')).toContainText('This document was deleted.')
  await expect(ada.text).toContainText('Written before.')
  const grace = await person('Grace')
  await expect(grace.text).toHaveText('')
})

test('a guest whose token the server no longer knows becomes a new guest by itself', async ({ person, startServer }) => {
  const server = await startServer()
  const ada = await person('Ada', {
    server,
    before: async ({ page }) => {
      const token = mint('another secret of thirty-two bytes', { sub: 'guest-of-yesterday' })
      const pass = { token, origin: 'guest', subject: 'guest-of-yesterday', endsAt: Date.now() + 3_600_000 }
      await page.addInitScript((pass) => {
        if (sessionStorage.getItem('seeded') === null) localStorage.setItem('tandem:pass', JSON.stringify(pass))
        sessionStorage.setItem('seeded', 'yes')
      }, pass)
    },
  })
  await ada.types('Welcome back.')
  await ada.sees('saved')
})

test('a token from the address leaves it, and lasts over a reload', async ({ person, server, name }) => {
  const token = mint(server.secret, { sub: 'olive', name: 'Olive Owner', rooms: { [name]: 'owner' } })
  const olive = await person('Somebody', { token })
  expect(olive.page.url()).not.toContain('token')
  await olive.page.reload()
  await olive.sees('saved')
  await olive.page.getByRole('button', { name: 'Only you are here' }).click()
  await expect(olive.page.getByLabel('Your name')).toHaveValue('Olive Owner')
})

test('the browser asks before a page with unsaved text is closed, and only then', async ({ person }) => {
  const ada = await person('Ada', { wire: () => {} })
  ada.wire?.hold('status')
  await ada.types('Not yet.')
  await expect.poll(() => ada.wire?.held).toBeGreaterThan(0)
  const asked = ada.page.waitForEvent('dialog')
  await ada.page.close({ runBeforeUnload: true })
  const dialog = await asked
  expect(dialog.type()).toBe('beforeunload')
  await dialog.dismiss()
  ada.wire?.hold()
  ada.wire?.release()
  await ada.sees('saved')
  const closed = ada.page.waitForEvent('close')
  await ada.page.close({ runBeforeUnload: true })
  await closed
})
