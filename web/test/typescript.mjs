// Lets `node --test` import the page's own TypeScript, by the compiler that builds it.
import { register } from 'node:module'

register('./typescript-hooks.mjs', import.meta.url)
