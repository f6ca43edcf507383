// What goes with every message of a conversation: instructions, and only those settings that differ from the room's.

/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Sampling} Sampling */
/** @typedef {import('../wire.js').Params} Params */

/** @type {Chat} */
export const plainChat = Object.freeze({ system: '', sampling: Object.freeze({}), stop: Object.freeze([]), seed: undefined, thinking: undefined });

/** @type {readonly (keyof Sampling)[]} */
export const samplingNames = ['temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty', 'presence_penalty', 'frequency_penalty', 'max_tokens'];

/** As the server keeps them; what this page does not know is left out. @param {string | undefined} system @param {Record<string, unknown> | undefined} params @returns {Chat} */
export function chatFromWire(system, params = {}) {
  const { stop, seed, thinking_budget: thinking } = params;
  const strings = (typeof stop === 'string' ? [stop] : Array.isArray(stop) ? stop : []).filter((text) => typeof text === 'string' && text !== '');
  return {
    system: system ?? '',
    sampling: Object.fromEntries(samplingNames.filter((name) => typeof params[name] === 'number').map((name) => [name, params[name]])),
    stop: strings,
    seed: typeof seed === 'number' ? seed : undefined,
    thinking: typeof thinking === 'number' ? thinking : undefined,
  };
}

/** @param {Chat} chat @param {number} maxTokens the most that this server allows @returns {Params} */
export function paramsFromChat({ sampling, stop, seed, thinking }, maxTokens) {
  /** @type {Params} */
  const params = { ...sampling };
  if (params.max_tokens !== undefined) params.max_tokens = Math.min(params.max_tokens, maxTokens);
  if (stop.length) params.stop = [...stop];
  if (seed !== undefined) params.seed = seed;
  if (thinking !== undefined) params.thinking_budget = Math.min(thinking, maxTokens);
  return params;
}

/** What the presets mean. `balanced` is the room's own. @type {Readonly<Record<'precise' | 'balanced' | 'vivid', Readonly<Partial<Sampling>>>>} */
export const presets = Object.freeze({
  precise: Object.freeze({ temperature: 0.2, top_p: 0.8 }),
  balanced: Object.freeze({}),
  vivid: Object.freeze({ temperature: 1.1, top_p: 0.95 }),
});
/** @typedef {keyof typeof presets} Preset */

const presetNames = /** @type {const} */ (['temperature', 'top_p']);

/** @param {Chat} chat @returns {Preset | undefined} */
export const presetOf = ({ sampling }) =>
  /** @type {Preset[]} */ (Object.keys(presets)).find((preset) => presetNames.every((name) => sampling[name] === presets[preset][name]));

/** @param {Chat} chat @param {Preset} preset @returns {Chat} */
export function withPreset(chat, preset) {
  const { temperature: _t, top_p: _p, ...sampling } = chat.sampling;
  return { ...chat, sampling: { ...sampling, ...presets[preset] } };
}
