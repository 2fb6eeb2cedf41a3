/** Where this page is: which document it shows, and where its server listens. */
import { freshDocumentName } from './names'

/** The folder that the page was loaded from. Everything else is relative to it, also under a sub-path. */
const folder = new URL('.', location.origin + location.pathname)

/** The address of the server's Hocuspocus endpoint. */
export function socketUrl(): string {
  const url = new URL('hocuspocus', folder)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** The address of a call of the server's API. */
export function apiUrl(path: string): string {
  return new URL(`api/v1/${path}`, folder).href
}

/** The document named in the address; without one, a fresh name that the address then shows. */
export function documentName(): string {
  const named = new URLSearchParams(location.search).get('doc')
  if (named !== null && named.trim() !== '') return named
  const name = freshDocumentName()
  const url = new URL(location.href)
  url.searchParams.set('doc', name)
  history.replaceState(history.state, '', url)
  return name
}

/** The address of a new, empty document. */
export function freshUrl(): string {
  return folder.href
}

/** The address to give to others: this document, and nothing that is only ours. */
export function shareUrl(document: string): string {
  const url = new URL(folder)
  url.searchParams.set('doc', document)
  return url.href
}

/** Whether the address carries a token now. */
export function hasTokenInFragment(): boolean {
  return new URLSearchParams(location.hash.slice(1)).has('token')
}

/** Takes a token out of the address's fragment, so that it is neither copied nor kept in the history. */
export function takeTokenFromFragment(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return null
  const url = new URL(location.href)
  url.hash = ''
  history.replaceState(history.state, '', url)
  return token
}
