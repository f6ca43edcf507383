// Who we are: same-origin POST /api/v1/session returns the present identity or makes one. The cookie is the server's; the page never sees it.

/** @typedef {import('../wire.js').User} User */
/** @typedef {import('../wire.js').ErrorBody} ErrorBody */
/** @typedef {{kind: 'open', user: User} | {kind: 'code', problem: ErrorBody} | {kind: 'unreachable'}} SessionAnswer */

/** @param {{code?: string, name?: string}} wanted @returns {Promise<SessionAnswer>} */
export async function openSession(wanted) {
  try {
    const answer = await fetch('/api/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wanted),
      cache: 'no-store',
    });
    if (answer.ok) return { kind: 'open', user: (await answer.json()).user };
    if (answer.status === 401 || answer.status === 403 || answer.status === 429) {
      return { kind: 'code', problem: await answer.json().catch(() => ({ code: 'unauthorized' })) };
    }
  } catch {
    // No network, or the server is away: the caller tries again.
  }
  return { kind: 'unreachable' };
}

/** @param {string} phrase @returns {Promise<'open' | 'wrong' | 'often' | 'lost'>} */
export async function openWithPhrase(phrase) {
  const { status } = await identityAsked('', { phrase });
  if (status === 200) return 'open';
  return status === 429 ? 'often' : status === 400 || status === 401 || status === 403 ? 'wrong' : 'lost';
}

/** The session's own routes: a question without a body, else a request. @param {'' | 'recovery' | 'forget' | 'erase'} what @param {object | undefined} body @returns {Promise<{status: number, body: any}>} status 0: no answer */
export async function identityAsked(what, body) {
  const asked = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(`/api/v1/session${what && `/${what}`}`, { cache: 'no-store', ...asked });
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, body: {} };
  }
}

/** The join code of a link like http://192.168.1.20:8080/#code=K7MX-4QRT, which never reaches a server log. @param {string} hash */
export function codeOf(hash) {
  try {
    return decodeURIComponent(/^#(?:code|join)=([^&]{1,64})$/i.exec(hash)?.[1] ?? '').toUpperCase();
  } catch {
    return ''; // half a percent sign
  }
}
