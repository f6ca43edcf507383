// One frozen state, changed only by the reducer. Views hear of it at most once per animation frame; effects hear of every action.

/** @typedef {import('../state/actions.js').Action} Action */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {(action: Action, after: State, before: State) => void} Effect */

export class Store {
  /** @type {State} */ #state;
  /** @type {(state: State, action: Action) => State} */ #reduce;
  /** @type {Effect[]} */ #effects = [];
  /** @type {((state: State) => void)[]} */ #views = [];
  #frame = 0;
  #isDue = false;

  /** @param {State} initial @param {(state: State, action: Action) => State} reduce */
  constructor(initial, reduce) {
    this.#state = initial;
    this.#reduce = reduce;
  }

  get state() {
    return this.#state;
  }

  /** @param {Action} action */
  dispatch = (action) => {
    const before = this.#state;
    this.#state = Object.freeze(this.#reduce(before, action));
    for (const effect of this.#effects) effect(action, this.#state, before);
    if (this.#state === before || this.#isDue) return;
    this.#isDue = true;
    // A hidden page gets no frames, but its title must still tell that the reply is there.
    if (document.visibilityState === 'hidden') setTimeout(this.draw);
    else this.#frame = requestAnimationFrame(this.draw);
  };

  draw = () => {
    cancelAnimationFrame(this.#frame);
    this.#isDue = false;
    for (const view of this.#views) view(this.#state);
  };

  /** Draws what is still to be drawn. */
  drawIfDue = () => {
    if (this.#isDue) this.draw();
  };

  /** @param {Effect} effect */
  addEffect(effect) {
    this.#effects.push(effect);
  }

  /** @param {(state: State) => void} view idempotent: called with the newest state, any number of times */
  addView(view) {
    this.#views.push(view);
  }
}
