/** Mints tokens as an application's own backend would, with the secret that it shares with the server. */
import { createHmac } from 'node:crypto'
import type { Server } from './server'

export interface Claims {
  readonly sub: string
  readonly name?: string
  /** Seconds from now until it ends; negative for one that has ended. */
  readonly seconds?: number
  /** Rights by document name. */
  readonly rooms?: Record<string, 'viewer' | 'editor' | 'owner'>
}

export function mint(secret: string, { seconds = 3_600, ...claims }: Claims): string {
  const now = Math.floor(Date.now() / 1000)
  const iat = Math.min(now, now + seconds - 1)
  const signed = [{ alg: 'HS256', typ: 'JWT' }, { ...claims, iat, exp: now + seconds }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** Deletes a document as its owner would. */
export async function remove(server: Server, name: string): Promise<void> {
  const token = mint(server.secret, { sub: 'olive', rooms: { [name]: 'owner' } })
  const { status } = await fetch(`${server.url}api/v1/documents/${encodeURIComponent(name)}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  })
  if (status !== 204) throw new Error(`the document was not deleted: ${status}`)
}
