// Server-sent events: what just came in. Says whether the line is up, and comes back by itself.

const LONGEST_WAIT_MS = 30_000;

class Live extends EventTarget {
  state = "off"; // off, connecting, live, lost
  #source;
  #timer;
  #failures = 0;

  start() {
    if (this.#source) return;
    this.#become(this.#failures ? "lost" : "connecting");
    const source = (this.#source = new EventSource("/v1/stream"));
    source.onopen = () => this.#opened();
    source.onerror = () => this.#broken();
    for (const kind of ["readings", "alert"]) {
      source.addEventListener(kind, (event) => this.#tell(kind, JSON.parse(event.data)));
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
    this.#failures = 0;
    this.#become("off");
  }

  /** Call `action(data)` for each event of `kind` ("readings", "alert", "resumed", "state") until `signal` aborts. */
  on(kind, action, signal) {
    this.addEventListener(kind, (event) => action(event.detail), { signal });
  }

  #opened() {
    const missed = this.#failures > 0;
    this.#failures = 0;
    this.#become("live");
    if (missed) this.#tell("resumed");
  }

  // The browser's own reconnecting gives up after an error status, so the wait is ours.
  #broken() {
    this.#source?.close();
    this.#source = undefined;
    this.#failures += 1;
    this.#become("lost");
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), wait);
  }

  #become(state) {
    this.state = state;
    this.#tell("state", state);
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

export const live = new Live();
