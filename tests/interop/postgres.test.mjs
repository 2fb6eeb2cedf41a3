// Two nodes on one PostgreSQL, without anything between them: the log is all that they share.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, afterEach, before, describe, test } from 'node:test'

import { coldLoad } from './harness/converge.mjs'
import { Postgres } from './harness/postgres.mjs'
import { binary } from './harness/server.mjs'
import { Company, Server, fresh } from './harness/suite.mjs'
import { pause, until } from './harness/until.mjs'

/** Sooner than a keepalive wakes anybody: what is read is told at once. */
const SOON_MS = 8_000

describe('two nodes on one PostgreSQL', () => {
  const company = new Company()
  let postgres, one, other

  /** Waits until a node has committed so many rows since `before`. */
  const committed = async (server, rows) => {
    while (await server.metric('tandem_store_rows_total') < rows) await pause(5)
  }

  const tandem = (...args) => spawnSync(binary, args, {
    encoding: 'utf8', cwd: one?.folder, env: { PATH: process.env.PATH, DATABASE_URL: postgres.url }
  })

  before(async () => {
    postgres = await Postgres.start()
    const pending = tandem('check')
    assert.equal(pending.status, 0, pending.stderr)
    assert.match(pending.stdout, /migrations: 5 pending/)
    const migrated = tandem('migrate')
    assert.match(migrated.stdout, /5 applied/, migrated.stderr)
    assert.match(tandem('migrate').stdout, /up to date/)
    const environment = { DATABASE_URL: postgres.url, TANDEM__STORE__CONNECTIONS: '5' }
    ;[one, other] = await Promise.all([Server.start(environment), Server.start(environment)])
  })
  afterEach(() => company.leave())
  after(async () => {
    await Promise.all([one?.stop(), other?.stop()])
    await postgres?.stop()
  })

  test('what one node wrote reaches the clients of the other with its next edit', async () => {
    const name = fresh('jump')
    const ann = company.yjs(one, name)
    const bob = company.yjs(other, name)
    const reader = company.yjs(other, name)
    await Promise.all([ann.whenSynced(), bob.whenSynced(), reader.whenSynced()])
    const [ones, others] = [await one.metric('tandem_store_rows_total'), await other.metric('tandem_store_rows_total')]

    ann.type('ann was here. ')
    await committed(one, ones + 1)
    bob.type('bob too. ')
    const all = ({ text }) => ['ann was here. ', 'bob too. '].every((part) => text.toString().includes(part))
    await until('both of the second node hold both edits', [bob, reader], () => all(bob) && all(reader), SOON_MS)
    assert.equal(bob.text.toString(), reader.text.toString())

    await committed(other, others + 1)
    ann.type('ann again.')
    await until('the first node holds what the second wrote', ann, () => all(ann), SOON_MS)
    await committed(one, ones + 2)
    bob.text.insert(0, 'bob again. ')
    await until('the second node holds all', [bob, reader], () => [bob, reader].every(({ text }) => text.toString().includes('ann again.')), SOON_MS)
    assert.equal(bob.text.toString(), reader.text.toString())
    await committed(other, others + 2)
    ann.text.delete(0, 1)
    await until('the first node holds all', ann, () => ann.text.toString().includes('bob again. '), SOON_MS)
    assert.ok(bob.text.toString().endsWith(ann.text.toString().slice(-20)), `${ann.text}\n${bob.text}`)
  })

  test('what one node acknowledged is served by the other after a kill, and a restart of the server loses none of it', async () => {
    const name = fresh('shared')
    const client = company.hocuspocus(one, name)
    await client.whenSynced()
    const marks = []
    const write = (count) => {
      for (let n = 0; n < count; n += 1) {
        const mark = `mark ${marks.length}`
        marks.push(mark)
        client.write(mark, () => client.doc.getArray('list').push([mark]))
      }
    }
    write(20)
    await until('the first marks are acknowledged', client, () => client.acks.acknowledged.size >= 20)
    await postgres.does('kill')
    write(20)
    await postgres.does('start')
    await until('all marks are acknowledged', client, () => client.acks.acknowledged.size === marks.length)
    await one.kill()
    assert.deepEqual((await coldLoad(other, name)).getArray('list').toArray(), marks)
    await one.begin()
  })

  test('health and metrics show the store and its pool', async () => {
    const health = (await one.request('GET', '/health')).json()
    assert.equal(health.dependencies.store.status, 'up', JSON.stringify(health))
    assert.equal(await one.metric('tandem_store_connections', { state: 'max' }), 4)
    assert.ok(await one.metric('tandem_store_connections', { state: 'open' }) >= 1)
  })

  test('a statement that takes longer than it may is counted, whatever is logged', async (t) => {
    const slow = 2_000
    let server
    const dawdling = await Postgres.start()
    t.after(async () => {
      await server?.stop()
      await dawdling.stop()
    })
    server = await Server.start({ DATABASE_URL: dawdling.url, TANDEM__STORE__SLOW_STATEMENT_MS: String(slow), LOG_LEVEL: 'error' })
    const write = async () => {
      const client = company.hocuspocus(server, fresh('dawdling'))
      client.type('written')
      await client.whenSaved()
    }
    await write()
    assert.equal(await server.metric('tandem_store_slow_statements_total'), 0)
    await dawdling.does('ask CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS ' +
      `$$ BEGIN PERFORM pg_sleep(${slow / 1_000 + 0.1}); RETURN new; END $$; ` +
      'CREATE TRIGGER dawdle BEFORE INSERT ON document_updates FOR EACH ROW EXECUTE FUNCTION dawdle()')
    await write()
    assert.ok(await server.metric('tandem_store_slow_statements_total') > 0)
    assert.doesNotMatch(server.log(), /slow statement|slow_threshold/)
  })

  test('a server that is not there is named with the way out, and no password', async () => {
    const url = 'postgresql://ann:hunter2@127.0.0.1:1/notes'
    const checked = spawnSync(binary, ['check'], { encoding: 'utf8', cwd: one.folder, env: { PATH: process.env.PATH, DATABASE_URL: url } })
    assert.equal(checked.status, 69, checked.stderr)
    assert.match(checked.stderr, /postgresql:\/\/ann@127\.0\.0\.1:1\/notes cannot be used: .*refused.*; start PostgreSQL/)
    assert.doesNotMatch(checked.stdout + checked.stderr, /hunter2/)
  })
})
