/** What must fail a test is heard: whatever is left of it at a test's end fails that test. */
import { expect, test } from '../support/fixture'

test('an error on the console, an exception and a violation of the policy are complaints', async ({ person, complaints }) => {
  const ada = await person('Ada', { allow: /Content Security Policy/ })
  const heard = async (what: RegExp) => {
    await expect.poll(() => complaints).toEqual([expect.stringMatching(what)])
    complaints.length = 0
  }
  await ada.page.evaluate(() => console.error('something broke'))
  await heard(/something broke/)
  await ada.page.evaluate(() => void setTimeout(() => { throw new Error('nobody catches this') }))
  await heard(/nobody catches this/)
  // What is allowed on the console is not allowed to be a violation.
  await ada.page.evaluate(() => document.body.setAttribute('style', 'color: red'))
  await heard(/policy: style-src-attr/)
  await ada.page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'globalThis.injected = true'
    document.body.append(script)
  })
  await heard(/policy: script-src-elem inline/)
  expect(await ada.page.evaluate(() => 'injected' in globalThis)).toBe(false)
})

test('the policy is strict: no inline script or style, nothing from elsewhere, no frame around the page', async ({ server, page }) => {
  const answer = await page.goto(server.url)
  const policy = answer?.headers()['content-security-policy'] ?? ''
  const rules = new Map(policy.split(';').map((rule) => rule.trim().split(/\s+/)).map(([name, ...sources]) => [name, sources]))
  expect(rules.get('default-src')).toEqual(["'none'"])
  expect(rules.get('frame-ancestors')).toEqual(["'none'"])
  expect(rules.get('base-uri')).toEqual(["'none'"])
  expect(rules.get('script-src')).toEqual(["'self'"])
  expect(rules.get('style-src')).toEqual(["'self'"])
  expect(policy).not.toMatch(/unsafe|\*/)
})
