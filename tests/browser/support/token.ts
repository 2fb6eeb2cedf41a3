/** Mints tokens as an application's own backend would, with the secret that it shares with the server. */
import { createHmac } from 'node:crypto'

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
