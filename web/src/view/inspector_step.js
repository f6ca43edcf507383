// Step by step: template, ids, network, probabilities, choice, text; for any token of a reply, or for one that is written on demand.
import { h, icon, iconButton, s, set, setChildren, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { isLive } from '../state/reply.js';
import { settingsOf } from '../state/trace.js';
import { percent } from '../words/figures.js';
import { idsOf } from './inspector_prompt.js';
import { tokensOf } from './inspector_tokens.js';
import { textOfCandidate } from './token_card.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */
/** @typedef {import('../wire.js').Candidate} Candidate */
/** @typedef {import('../wire.js').TracedToken} TracedToken */

const barsShown = 5;
const lastIds = 6;
const othersShown = 3;
const runTokens = 4096;

/** @param {Context} context */
export function makeStepTab({ words, dispatch, read }) {
  const heads = words.stages6.map((name) => h('h3', {}, h('span', {}, name), h('small')));
  const bodies = heads.map(() => h('div'));
  const list = h('ol', { class: 'pipeline' }, ...heads.map((head, i) => h('li', {}, head, bodies[i])));
  const pipeline = h('section', {}, list);
  const start = h('section', { class: 'what-if' }, h('p', { class: 'answer' }, icon('info'), h('span', {}, words.stepStartWhat)),
    h('div', { class: 'row' }, h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => begin() }, icon('step'), words.stepStart)));
  const back = iconButton('left', words.stepBack, () => move(-1));
  const next = h('button', { class: 'button', 'data-kind': 'main', type: 'button', onclick: () => move(1) }, icon('step'), words.stepNext);
  const runText = h('span');
  const run = h('button', { class: 'button', 'data-kind': 'outline', type: 'button', onclick: () => runOrPause() }, icon('play'), runText);
  const place = h('p', { class: 'fine' });
  const transport = h('footer', { class: 'transport' }, back, next, run, place);
  /** @type {Message | undefined} */
  let message;
  let count = 0;

  const begin = () => message && dispatch({ type: 'steps_asked', id: randomId(), message: message.id });
  const move = (/** @type {number} */ by) => {
    const token = read().inspector.token + by;
    const isAtEnd = token >= count;
    if (isAtEnd && by > 0 && message?.reply?.phase === 'paused') dispatch({ type: 'step_asked', stream: message.id, tokens: 1 });
    dispatch({ type: 'token_selected', token: Math.max(0, Math.min(token, message?.reply?.phase === 'paused' ? count : count - 1)) });
  };
  const runOrPause = () => {
    if (message?.reply?.phase === 'paused') dispatch({ type: 'step_asked', stream: message.id, tokens: runTokens });
    else if (message && isLive(message.reply)) dispatch({ type: 'step_asked', stream: message.id, tokens: 0 });
  };

  /** @param {readonly Candidate[]} candidates @param {(candidate: Candidate) => number} size @param {(candidate: Candidate) => string} label @param {number} own */
  const bars = (candidates, size, label, own) => {
    const most = Math.max(...candidates.map(size), 1e-9);
    return h('div', { class: 'bars' }, ...candidates.flatMap((candidate) => [
      h('code', {}, textOfCandidate(candidate)),
      s('svg', { 'aria-hidden': 'true' }, s('rect', { width: `${Math.max(0, (100 * size(candidate)) / most)}%`, height: '100%', rx: 1, 'data-part': candidate.id === own && 'chosen' })),
      h('data', {}, label(candidate)),
    ]));
  };

  /** Another choice for this token: a version that goes on from it, one token at a time. @param {Message} now @param {TracedToken} token @param {readonly Candidate[]} candidates @returns {Node[]} */
  const others = ({ id, reply }, token, candidates) => {
    const rest = reply?.phase === 'done' ? candidates.filter((candidate) => candidate.id !== token.id) : [];
    const take = (/** @type {Candidate} */ candidate) => h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button',
      onclick: () => dispatch({ type: 'branch_asked', id: randomId(), branch: { message: id, at: token.index, token: candidate.id }, isStepped: true }) }, words.stepOther(textOfCandidate(candidate)));
    return rest.length ? [h('div', { class: 'row' }, ...rest.slice(0, othersShown).map(take))] : [];
  };

  /** @param {State} state @param {Message} now @param {number} at */
  const draw = (state, now, at) => {
    const trace = state.traces[now.id];
    const prompt = state.prompts[now.id]?.page;
    const tokens = trace?.tokens ?? [];
    const token = tokens[at];
    const sheet = trace?.sheet;
    const tell = (/** @type {number} */ stage, /** @type {string} */ fact, /** @type {Node[]} */ nodes) => {
      setText(/** @type {Node} */ (heads[stage].lastElementChild), fact);
      setChildren(bodies[stage], nodes);
    };
    const promptTokens = prompt?.prompt_tokens ?? sheet?.prompt_tokens ?? now.reply?.usage?.prompt_tokens ?? 0;
    tell(0, promptTokens ? words.tokens(promptTokens) : '', [h('p', { class: 'fine' }, words.stepTemplateWhat)]);
    const ids = idsOf((prompt?.tokens ?? []).slice(-2), false);
    ids.append(...idsOf(tokens.slice(Math.max(0, at - lastIds + 2), at), true).children);
    tell(1, promptTokens ? words.stepIds(promptTokens, at) : '', ids.children.length ? [ids] : []);
    const candidates = [...(token?.candidates ?? [])].slice(0, barsShown);
    const greedy = sheet ? settingsOf(sheet).temperature <= 0 : false;
    const vocabulary = token?.left?.[0];
    tell(2, '', candidates.length ? [h('p', { class: 'fine' }, vocabulary ? words.stepNetwork(vocabulary) : words.stepNetworkPlain),
      bars(candidates, ({ logit }) => Math.max(0.02, logit - candidates[candidates.length - 1].logit + 1), ({ logit }) => logit.toFixed(2), token?.id ?? -1)] : []);
    const chance = (/** @type {Candidate} */ { p }) => p[p.length - 1] ?? 0;
    tell(3, sheet && !greedy ? words.stepTemperature(sheet.sampling.temperature) : '', candidates.length ? [bars(candidates, chance, (candidate) => percent(chance(candidate)), token?.id ?? -1)] : []);
    const seed = sheet?.seed ?? now.reply?.written.seed;
    tell(4, token && sheet ? (greedy ? words.stepGreedy : words.stepDrawn(token.u, seed === undefined ? '' : String(seed))) : '', token ? [idsOf([token], true), ...others(now, token, candidates)] : []);
    const shown = now.reply ? tokensOf(now.reply, trace) : [];
    tell(5, '', [h('p', { class: 'prose' }, shown.slice(0, at).map(({ text }) => text).join(''), h('strong', {}, shown[at]?.text ?? ''), h('span', { class: 'cursor', 'aria-hidden': 'true' }, '▌'))]);
    for (const [i, item] of [...list.children].entries()) set(item, 'data-state', i === 4 && token && 'now');
  };

  return {
    elements: [],
    /** @param {State} state @param {Message} now @returns {Node[]} */
    update(state, now) {
      message = now;
      const reply = /** @type {Reply} */ (now.reply);
      count = reply.have;
      const at = Math.max(0, Math.min(state.inspector.token, Math.max(0, count - 1)));
      draw(state, now, at);
      const isPaused = reply.phase === 'paused';
      const isStepped = isPaused || (isLive(reply) && state.inspector.isOpen);
      back.disabled = at <= 0;
      next.disabled = at >= count - 1 && !isPaused;
      run.hidden = !isStepped;
      run.replaceChildren(icon(isPaused ? 'play' : 'pause'), runText);
      setText(runText, isPaused ? words.stepRun : words.stepPause);
      setText(place, words.stepPlace(Math.min(count, at + 1), count));
      return [pipeline, ...(isLive(reply) ? [] : [start]), transport];
    },
  };
}
