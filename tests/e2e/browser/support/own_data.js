// What the session's own routes do (server/PROTOCOL.md §6), for the stand-in server: the account, its phrase, files out and in.
import {randomBytes} from 'node:crypto';

const syllables = ['lusab', 'babad', 'gutih', 'tugad', 'zomor', 'kadif', 'nulop', 'ribek', 'sonaj', 'vifud'];
const newPhrase = () => Array.from({length: 8}, () => syllables[randomBytes(1)[0] % syllables.length]).join('-');
const plain = (phrase) => phrase.toLowerCase().replace(/[\s-]+/g, '-');
const gone = (hearth) => `hearth_${hearth.port}=; Max-Age=0; HttpOnly; SameSite=Strict; Path=/`;
const exported = ({id, title, system, params, head, messages, created, updated}) => ({format: 'hearth.conversation.v1', id, title, system, params, pinned: false, created, updated, head, messages});

/** The routes of a FakeHearth whose `route` this becomes. @param {import('./fake_hearth.js').FakeHearth} hearth */
export const ownData = (hearth) => {
  /** @type {Map<string, string>} secret of the identity, by phrase */
  hearth.phrases = new Map();
  /** @type {any[]} bodies of imports */
  const imports = [];
  const phraseOf = (secret) => [...hearth.phrases].find(([, of]) => of === secret)?.[0];
  const end = (secret, kind) => {
    const user = hearth.users.get(secret);
    hearth.users.delete(secret);
    if (kind === 'erase') hearth.phrases.delete(phraseOf(secret) ?? '');
    else hearth.left.set(secret, user);
    return {headers: {'set-cookie': gone(hearth)}, body: kind === 'erase' ? {erased: true} : {forgotten: true}};
  };
  hearth.left = new Map();

  hearth.route = (pathname, _search, body, request) => {
    const secret = hearth.secretOf(request);
    const user = hearth.users.get(secret);
    if (!user) return undefined;
    const all = [...user.conversations.values()];
    const bytes = Buffer.byteLength(JSON.stringify(all));
    switch (`${request.method} ${pathname.replace(/[0-9a-f]{32}/, 'ID')}`) {
      case 'GET /api/v1/session':
        return {user: {id: user.id, name: user.name}, durable: true, recovery: phraseOf(secret) !== undefined, conversations: all.length, messages: 0, bytes, quota_bytes: 268435456};
      case 'POST /api/v1/session/recovery': {
        hearth.phrases.delete(phraseOf(secret) ?? '');
        const phrase = newPhrase();
        hearth.phrases.set(phrase, secret);
        return {phrase};
      }
      case 'POST /api/v1/session/forget':
        return end(secret, 'forget');
      case 'POST /api/v1/session/erase':
        return JSON.parse(body).confirm === 'erase' ? end(secret, 'erase') : {status: 400, body: {code: 'invalid_parameter'}};
      case 'GET /api/v1/export':
        return {headers: {'content-disposition': 'attachment; filename="hearth-2026-11-21.json"'}, body: {format: 'hearth.export.v1', conversations: all.map(exported)}};
      case 'GET /api/v1/conversations/ID/export': {
        const found = user.conversations.get(/[0-9a-f]{32}/.exec(pathname)?.[0]);
        return found ? {headers: {'content-disposition': 'attachment; filename="one.json"'}, body: exported(found)} : {status: 404, body: {code: 'not_found'}};
      }
      case 'POST /api/v1/import': {
        const whole = JSON.parse(body);
        imports.push(whole);
        const list = Array.isArray(whole) ? whole : whole.conversations ?? [whole];
        const took = list.map((one, index) => {
          const title = one.title ?? '';
          if (!one.messages) return {index, title, status: 'refused', error: {code: 'invalid_parameter', detail: 'This conversation has no messages.'}};
          if (user.conversations.has(one.id)) return {index, title, status: 'known', conversation: one.id, messages: 0};
          user.conversations.set(one.id, {revision: 0, ...one});
          return {index, title, status: 'imported', conversation: one.id, messages: one.messages.length, ...(one.pictures && {left_out: {attachments: one.pictures}})};
        });
        const count = (status) => took.filter((each) => each.status === status).length;
        return {format: 'hearth', imported: count('imported'), extended: 0, known: count('known'), refused: count('refused'), conversations: took};
      }
      default:
        return undefined;
    }
  };
  return {imports};
};

/** The secret that a phrase opens, of one that left, too. @param {import('./fake_hearth.js').FakeHearth} hearth @param {string} phrase */
export const secretBehind = (hearth, phrase) => {
  const secret = hearth.phrases?.get(plain(phrase));
  if (secret && hearth.left.has(secret)) hearth.users.set(secret, hearth.left.get(secret));
  return secret;
};
