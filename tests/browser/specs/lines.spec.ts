import { expect, SERVER_GONE, test } from '../support/fixture'
import { stopsTime } from '../support/person'

test('offline and back: what was written meanwhile arrives', async ({ person }) => {
  const [ada, grace] = [await person('Ada', { allow: SERVER_GONE }), await person('Grace')]
  await ada.types('Before.')
  await expect(grace.text).toContainText('Before.')
  await ada.page.context().setOffline(true)
  await ada.sees('offline')
  await ada.types(' While away.')
  await grace.types('\nMeanwhile.')
  await ada.sees('offline')
  await ada.page.context().setOffline(false)
  await Promise.all([ada.sees('saved'), grace.sees('saved')])
  await expect(grace.text).toContainText('While away.')
  await ada.hasSame(grace)
})

test('the server killed and back: nothing is lost, on either side', async ({ person, startServer }) => {
  const server = await startServer()
  const visit = { server, allow: SERVER_GONE }
  const ada = await person('Ada', { ...visit, before: stopsTime })
  const grace = await person('Grace', visit)
  await ada.types('Before the fall.')
  await ada.sees('saved')
  await server.kill()
  await Promise.all([ada.sees('offline'), grace.sees('offline')])
  await ada.types(' Ada in the dark.')
  await grace.types('\nGrace in the dark.')
  await expect(ada.page.getByRole('alert')).toContainText('No connection')
  // Grace's page comes back by itself. In Ada's time stands still from here, so it is her click that brings it back.
  await ada.timeStands()
  await server.start()
  await ada.page.getByRole('button', { name: 'Try now' }).click()
  // Logged in and sending what it had; "saved" follows a moment of quiet, which is time again.
  await ada.sees('saving')
  await ada.page.clock.resume()
  await Promise.all([ada.sees('saved'), grace.sees('saved', 45_000)])
  await ada.hasSame(grace)
  const linus = await person('Linus', { server })
  for (const words of ['Before the fall.', 'Ada in the dark.', 'Grace in the dark.']) {
    await expect(linus.text).toContainText(words)
  }
})

test('the server stopped in good order and back: the page finds it by itself', async ({ person, startServer }) => {
  const server = await startServer()
  const ada = await person('Ada', { server, allow: SERVER_GONE })
  await ada.types('Before.')
  await ada.sees('saved')
  await server.stop()
  await ada.sees('offline')
  await server.start()
  await ada.sees('saved', 45_000)
  await expect(ada.text).toContainText('Before.')
})

test('saved is said only after the last commit: 200 edits in flight, the socket cut and back three times', async ({
  person,
  startServer,
}) => {
  const server = await startServer()
  const ada = await person('Ada', { server, wire: () => {}, allow: SERVER_GONE })
  const { wire } = ada
  if (wire === null) throw new Error('no wire')
  const states = await ada.page.evaluateHandle(() => {
    const pill = document.querySelector<HTMLElement>('#pill')
    const seen: string[] = []
    new MutationObserver(() => seen.push(pill?.dataset['state'] ?? '')).observe(pill as HTMLElement, { attributes: true })
    return seen
  })

  // From here on the server commits and confirms, and its confirmations do not reach the page.
  wire.hold('status')
  for (const cut of [0, 1, 2]) {
    await ada.edits(cut * 60, 40)
    await expect.poll(() => wire.held).toBeGreaterThan(0)
    await wire.cut()
    // It may be back before anybody looks at the pill.
    await expect.poll(async () => (await states.jsonValue()).filter((state) => state === 'offline').length).toBe(cut + 1)
    await ada.edits(cut * 60 + 40, 20)
    await expect.poll(() => wire.lines).toBe(cut + 2)
    // The handshake is over when its own confirmation waits on the wire.
    await expect.poll(() => wire.held).toBeGreaterThan(0)
  }
  await ada.edits(180, 20)
  // The twenty, and the answer that holds all before them; every one of them committed, none of them told.
  await expect.poll(() => wire.owed).toBeGreaterThanOrEqual(21)
  await expect.poll(() => wire.held).toBe(wire.owed)
  expect(await states.jsonValue(), 'nothing is said to be saved while its confirmation is under way').not.toContain('saved')

  // With the very last one missing, the page turns to "not saved yet": it has not lost count.
  wire.release(wire.held - 1)
  await ada.sees('unsaved')
  expect(await states.jsonValue(), 'nor before the last of them').not.toContain('saved')
  wire.release(1)
  await ada.sees('saved')

  // And it is true: with the page gone and the server killed in that moment, every edit is there.
  await server.kill()
  await ada.page.close()
  await server.start()
  const grace = await person('Grace', { server })
  const words = await grace.words()
  for (let edit = 0; edit < 200; edit += 1) expect(words).toContain(`<${edit}>`)
})
