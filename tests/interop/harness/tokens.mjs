/** Mints the tokens that an application's own backend would mint: HS256 over the secret that it shares with Tandem. */
import { createHmac } from 'node:crypto'

/** The signing secret of every server that the harness starts. */
export const secret = 'interop-tests-share-this-secret-of-more-than-32-bytes'

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * Signs any claims; the tests of refusal use it for tokens that no honest backend writes.
 *
 * @param {object} claims
 * @param {{ secret?: string, header?: object }} [how]
 */
export const sign = (claims, { secret: key = secret, header = { alg: 'HS256', typ: 'JWT' } } = {}) => {
  const body = `${part(header)}.${part(claims)}`
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

/**
 * A token for `sub` with the rights of `rooms`, for an hour unless told otherwise.
 *
 * @param {string} sub
 * @param {Record<string, 'viewer' | 'editor' | 'owner'>} rooms
 * @param {{ seconds?: number, secret?: string }} [how]
 */
export const token = (sub, rooms = { '*': 'editor' }, { seconds = 3600, secret: key = secret } = {}) => {
  const exp = Math.floor(Date.now() / 1000) + seconds
  return sign({ sub, name: sub, exp, rooms }, { secret: key })
}
