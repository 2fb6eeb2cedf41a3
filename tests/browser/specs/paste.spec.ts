import { expect, test } from '../support/fixture'

/** What Google Docs puts on the clipboard: everything in a bold that is none, and meaning in styles. */
const GOOGLE_DOCS = `<meta charset='utf-8'><meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-8c1f">
<h2 dir="ltr" style="line-height:1.38;margin-top:18pt;"><span style="font-size:16pt;font-family:Arial,sans-serif;color:#000000;font-weight:400;font-style:normal;text-decoration:none;">The heading</span></h2>
<p dir="ltr" style="line-height:1.38;margin-top:0pt;"><span style="font-size:11pt;font-weight:400;">Plain, </span><span style="font-size:11pt;font-weight:700;">bold, </span><span style="font-weight:400;font-style:italic;">italic, </span><span style="font-weight:700;font-style:italic;text-decoration:line-through;">all of it</span><span style="font-weight:400">, and a </span><a href="https://example.org/" style="text-decoration:none;"><span style="color:#1155cc;text-decoration:underline;">link</span></a></p>
<br /><ul style="margin-top:0;"><li dir="ltr" style="list-style-type:disc;"><p dir="ltr" role="presentation" style="line-height:1.38;"><span style="font-weight:400;">One thing</span></p></li><li dir="ltr"><p dir="ltr"><span style="font-weight:700;">Another</span></p></li></ul></b><br class="Apple-interchange-newline">`

test('a paste from Google Docs keeps its meaning, and nothing turns bold @phone', async ({ person }) => {
  const ada = await person('Ada')
  await ada.pastes(GOOGLE_DOCS)
  const { text } = ada
  await expect(text.locator('h2')).toHaveText('The heading')
  await expect(text.locator('h2 strong')).toHaveCount(0)
  await expect(text.locator('p strong').first()).toHaveText('bold, ')
  await expect(text.locator('p em').first()).toHaveText('italic, ')
  await expect(text.locator('p s')).toHaveText('all of it')
  await expect(text.locator('p a')).toHaveText('link')
  await expect(text.locator('p a')).toHaveAttribute('href', 'https://example.org/')
  await expect(text.locator('p a u')).toHaveCount(0)
  await expect(text.locator('li')).toHaveText(['One thing', 'Another'])
  await expect(text.locator('li strong')).toHaveText('Another')
  expect((await ada.words()).startsWith('The heading\nPlain, bold, italic, all of it, and a link')).toBe(true)
  await ada.sees('saved')
})

test('a paste from a word processor brings its words, and no style sheet and no script', async ({ person }) => {
  const ada = await person('Ada')
  await ada.pastes(
    `<html><head><style>p.x{color:red}</style><script>window.stolen = 1</script></head><body>
     <p class=x style='margin:0cm'><b><span style='font-size:12.0pt'>Strong</span></b> <i>words</i><img src=x onerror="window.stolen = 2">
     <span style="font-weight:bold" onclick="window.stolen = 3">here</span><a href="javascript:window.stolen=4">now</a></p></body></html>`,
  )
  await expect(ada.text.locator('strong')).toHaveText(['Strong', 'here'])
  await expect(ada.text.locator('em')).toHaveText('words')
  await expect(ada.text.locator('a')).toHaveCount(0)
  expect(await ada.page.evaluate(() => (window as unknown as { stolen?: number }).stolen)).toBeUndefined()
  await ada.sees('saved')
})

test('a megabyte pasted is one edit, and is saved', async ({ person }) => {
  const [ada, grace] = [await person('Ada'), await person('Grace')]
  await ada.pastes(Array.from({ length: 1_000 }, (_, line) => `<p>${line} ${'word '.repeat(200)}</p>`).join(''))
  await ada.sees('saved', 30_000)
  await expect(grace.text.locator('p').nth(999)).toContainText('999 word')
  await ada.hasSame(grace)
})
