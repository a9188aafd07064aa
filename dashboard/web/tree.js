// The tree of signals: the dots in a sender's name make branches, those in the event's name
// further ones. A branch without a fork is no row of its own.

export class Tree {
  #root = node(undefined, "", "", -1, "");
  #closed;
  #decided = false; // whether there were so many signals that branches begin closed

  constructor(closed) { this.#closed = closed; }

  /** Builds the tree anew. */
  build(signals) {
    this.all = [...signals].sort((a, b) => compare(a.sender, b.sender) || compare(a.event, b.event));
    this.#root = node(undefined, "", "", -1, "");
    for (const s of this.all) {
      let at = this.#root;
      for (const part of s.sender.split(".")) at = branch(at, part, "");
      const parts = s.event.split(".");
      for (const part of parts.slice(0, -1)) at = branch(at, "", part);
      at.leaves.push({ signal: s, sender: "", event: parts.at(-1), rate: s.rate });
    }
    join(this.#root, this.#root.depth);
    if (!this.#decided && this.all.length > 0) {
      this.#decided = true;
      if (this.all.length > 300 && this.#closed.size === 0) this.closeAll();
    }
    this.count();
  }

  /** Adds up what the branches have. */
  count() { sum(this.#root); }

  /** The rows of what is open. */
  rows() {
    const out = [];
    const walk = (n) => {
      for (const row of n.rows) {
        out.push(row);
        if (row.signal) continue;
        row.closed = this.#closed.has(row.key);
        if (!row.closed) walk(row);
      }
    };
    walk(this.#root);
    return out;
  }

  /** The signals in whose name something occurs. */
  find(q) {
    return this.all.filter((s) => `${s.sender} ${s.event}\n${s.sender}.${s.event}`.toLowerCase().includes(q))
      .map((s) => ({ signal: s, sender: s.sender, event: s.event, depth: 0, get rate() { return s.rate; } }));
  }

  toggle(row) {
    if (!this.#closed.delete(row.key)) this.#closed.add(row.key);
  }

  openAll() { this.#closed.clear(); }

  closeAll() {
    const walk = (n) => {
      for (const b of n.rows) {
        if (b.signal) continue;
        this.#closed.add(b.key);
        walk(b);
      }
    };
    walk(this.#root);
  }
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** A branch. Of sender and event it has the part that it adds to those of its parent. */
function node(parent, sender, event, depth, key) {
  return { parent, sender, event, depth, key, branches: new Map(), leaves: [], rows: [], rate: 0, size: 0, total: 0, changed: undefined, closed: false };
}

function branch(at, sender, event) {
  const k = sender ? `s${sender}` : `e${event}`;
  let n = at.branches.get(k);
  if (!n) at.branches.set(k, n = node(at, sender, event, at.depth + 1, `${at.key}\n${k}`));
  return n;
}

const dotted = (a, b) => (a && b ? `${a}.${b}` : a || b);

/** Makes the rows of a branch: one that has a single thing in it is joined with that. */
function join(n, depth) {
  n.depth = depth;
  for (let b of n.branches.values()) {
    while (b.leaves.length + b.branches.size === 1) {
      const [only] = b.leaves.length ? b.leaves : b.branches.values();
      only.sender = dotted(b.sender, only.sender);
      only.event = dotted(b.event, only.event);
      b = only;
      if (b.signal) break;
    }
    b.parent = n;
    b.depth = depth + 1;
    n.rows.push(b);
    if (!b.signal) join(b, depth + 1);
  }
  for (const leaf of n.leaves) n.rows.push(Object.assign(leaf, { parent: n, depth: depth + 1 }));
  n.rows.sort((a, b) => compare(a.sender, b.sender) || compare(a.event, b.event));
}

function sum(n) {
  let rate = 0, size = 0, total = 0;
  for (const row of n.rows) {
    if (row.signal) {
      row.rate = row.signal.rate;
      size++;
      total += row.signal.count;
    } else {
      sum(row);
      size += row.size;
      total += row.total;
    }
    rate += row.rate;
  }
  if (n.total !== total && n.total > 0) n.changed = performance.now();
  Object.assign(n, { rate, size, total });
}
