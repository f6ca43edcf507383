// What can be known of a reply from the candidates that were kept with it, without asking the model (server/PROTOCOL.md §5, "What if").

/** @typedef {import('../wire.js').TracedToken} TracedToken */
/** @typedef {import('../wire.js').Candidate} Candidate */
/** @typedef {import('../wire.js').TracePage} TracePage */
/** @typedef {{temperature: number, top_k: number, top_p: number, min_p: number}} Settings */
/** @typedef {{kind: 'same'} | {kind: 'other', candidate: Candidate} | {kind: 'unknown'}} Drawn */

export const storedMax = 64;

/** ln of the mass beyond the stored candidates at β, between the points that were kept. @param {readonly (number | null)[]} tail @param {readonly number[]} betas @param {number} beta @returns {number} */
function tailAt(tail, betas, beta) {
  const known = tail.map((value, i) => /** @type {const} */ ([betas[i], value ?? -Infinity])).filter(([, value]) => value > -Infinity);
  if (known.length === 0) return -Infinity;
  if (beta <= known[0][0]) return known[0][1];
  const upper = known.findIndex(([at]) => at >= beta);
  if (upper === -1) return known[known.length - 1][1];
  const [[b0, v0], [b1, v1]] = [known[upper - 1], known[upper]];
  return v0 + ((v1 - v0) * (beta - b0)) / (b1 - b0);
}

/** Probabilities of the stored candidates under other settings, and the mass beyond them; they add up to 1. @param {TracedToken} token @param {readonly number[]} betas @param {Settings} settings */
export function chancesUnder(token, betas, { temperature, top_k, top_p, min_p }) {
  const stored = (token.candidates ?? []).slice(0, storedMax);
  if (stored.length === 0) return undefined;
  if (temperature <= 0) return { stored, chances: stored.map((_, i) => (i === 0 ? 1 : 0)), rest: 0 };
  const best = stored[0].score;
  let weights = stored.map(({ score }) => Math.exp((score - best) / temperature));
  let rest = token.tail ? Math.exp(tailAt(token.tail, betas, 1 / temperature)) : 0;
  const sum = () => weights.reduce((a, b) => a + b, 0) + rest;
  if (top_k > 0 && top_k <= stored.length) {
    const last = weights[top_k - 1];
    weights = weights.map((weight, i) => (i < top_k || weight === last ? weight : 0));
    rest = 0;
  }
  if (top_p < 1) {
    const enough = top_p * sum();
    let run = 0;
    const kept = weights.findIndex((weight) => (run += weight) >= enough);
    if (kept !== -1) {
      weights = weights.map((weight, i) => (i <= kept ? weight : 0));
      rest = 0;
    }
  }
  if (min_p > 0) {
    if (weights[weights.length - 1] < min_p) rest = 0;
    weights = weights.map((weight) => (weight >= min_p ? weight : 0));
  }
  const total = sum();
  return { stored, chances: weights.map((weight) => weight / total), rest: rest / total };
}

/** Which token the same random number would have drawn. @param {TracedToken} token @param {readonly number[]} betas @param {Settings} settings @returns {Drawn} */
export function drawnUnder(token, betas, settings) {
  const chances = chancesUnder(token, betas, settings);
  if (!chances) return { kind: 'unknown' };
  let sum = 0;
  const at = settings.temperature <= 0 ? 0 : chances.chances.findIndex((chance) => chance > 0 && (sum += chance) > token.u);
  if (at === -1) {
    // Rounding may leave the sum a hair short of u: then the last one that was kept is meant.
    if (chances.rest > 1e-9) return { kind: 'unknown' };
    const last = chances.chances.findLastIndex((chance) => chance > 0);
    return chances.stored[last].id === token.id ? { kind: 'same' } : { kind: 'other', candidate: chances.stored[last] };
  }
  const candidate = chances.stored[at];
  return candidate.id === token.id ? { kind: 'same' } : { kind: 'other', candidate };
}

/** With what the reply was drawn, in the form of the sliders. @param {TracePage} sheet @returns {Settings} */
export const settingsOf = ({ sampling: { do_sample, temperature, top_k, top_p, min_p } }) => ({ temperature: do_sample ? temperature : 0, top_k, top_p, min_p });

/** Where the reply would have parted: the first token that would have been another. @param {readonly TracedToken[]} tokens @param {TracePage} sheet @param {Settings} settings @returns {{at: number, drawn: Drawn} | undefined} */
export function firstSplit(tokens, sheet, settings) {
  const betas = sheet.tail_betas ?? [];
  const given = sheet.branch ? sheet.branch.at : -1; // that token was chosen by a person
  for (const token of tokens) {
    if (token.index <= given || !token.candidates) continue;
    const drawn = drawnUnder(token, betas, settings);
    if (drawn.kind !== 'same') return { at: token.index, drawn };
  }
  return undefined;
}

/** The columns of the stage table: stages that change no shown number fold into the one before them. @param {readonly string[]} stages @param {readonly Candidate[]} rows @returns {number[]} indices into `stages` */
export const shownStages = (stages, rows) =>
  stages.map((_, i) => i).filter((i) => i === 0 || rows.some(({ p }) => Math.abs(p[i] - p[i - 1]) > 5e-4 || (p[i] === 0) !== (p[i - 1] === 0)));

/** The rows of the stage table: the likeliest by chance, and always the token itself. @param {TracedToken} token @param {number} most @returns {Candidate[]} */
export function shownCandidates(token, most) {
  const all = token.candidates ?? [];
  const rows = all.slice(0, most);
  const own = all.find(({ id }) => id === token.id);
  if (own && !rows.includes(own)) rows[rows.length - 1] = own;
  return rows;
}
