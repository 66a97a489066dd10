// Random choices that a seed repeats.

const seed = Number(process.env.PANORA_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;

/** A source of random choices; every test that takes one names the seed. */
export function newRandom() {
  console.log(`PANORA_SEED=${seed}`);
  let state = seed;
  // A Weyl sequence, mixed as in MurmurHash3: ample for choosing test data.
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return {
    /** An integer from 0 up to `bound`, exclusive. */
    below: (bound) => next() % bound,
    bits: next,
    pick: (choices) => choices[next() % choices.length],
    chance: (percent) => next() % 100 < percent,
  };
}
