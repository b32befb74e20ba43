/** Plausible data that is the same in every build. */

const PRODUCTS = ["bag-small", "bag-large", "box", "ribbon", "label"];

/** Repeatable numbers that look random enough for example data (Lehmer's generator). */
function numbers(seed: string): () => number {
  let state = [...seed].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 2_147_483_647, 7);
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}

/** CSV lines without a heading. */
export function orders(date: string, after: number, count: number): string {
  const next = numbers(date);
  const line = (id: number) => `${id},${date},${PRODUCTS[next() % PRODUCTS.length]},${1 + (next() % 40)}\n`;
  return Array.from({ length: count }, (_, index) => line(after + index + 1)).join("");
}

export function products(): string {
  const list = PRODUCTS.map((name, index) => ({ name, price: 250 + 175 * index, currency: "EUR" }));
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

/** nginx's combined format. */
export function accessLog(date: string, count: number): string {
  const next = numbers(`log ${date}`);
  const [year, month, day] = date.split("-");
  const monthName = new Date(`${date}T00:00:00Z`).toLocaleString("en", { month: "short", timeZone: "UTC" });
  if (month === undefined) throw new Error(`${date} is no date`);
  return Array.from({ length: count }, (_, index) => {
    const seconds = Math.floor((index * 86_400) / count);
    const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
    const path = next() % 3 === 0 ? "/" : `/api/products/${PRODUCTS[next() % PRODUCTS.length]}`;
    return `192.0.2.${1 + (next() % 250)} - - [${day}/${monthName}/${year}:${clock} +0000] "GET ${path} HTTP/1.1" 200 ${300 + (next() % 4000)}\n`;
  }).join("");
}
