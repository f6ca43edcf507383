// The only maker of states. Pure: no clock, no randomness, no DOM; times and ids come with the actions.
import { onData } from './on_data.js';
import { onInspector } from './on_inspector.js';
import { onNetwork } from './on_network.js';
import { onPerson } from './on_person.js';
import { onServer } from './on_server.js';

/** @typedef {import('./actions.js').Action} Action */
/** @typedef {import('./actions.js').NetworkAction} NetworkAction */
/** @typedef {import('./actions.js').PersonAction} PersonAction */
/** @typedef {import('./actions.js').ServerAction} ServerAction */
/** @typedef {import('./state.js').State} State */

/** @param {State} state @param {Action} action @returns {State} */
export function reduce(state, action) {
  const next = onPerson(state, /** @type {PersonAction} */ (action)) ?? onNetwork(state, /** @type {NetworkAction} */ (action)) ?? onServer(state, /** @type {ServerAction} */ (action)) ?? onInspector(state, action) ?? onData(state, action);
  return next ?? state;
}
