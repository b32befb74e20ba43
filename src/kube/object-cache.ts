import { type KubeObject, keyOf, keyText, type ObjectKey, type Stored } from "./resource-type.ts";

/** Appeared: nothing before. Gone: nothing now. */
export type ChangeListener<T extends KubeObject> = (before: Stored<T> | undefined, now: Stored<T> | undefined) => void;

/** Values under which an object is found; none leaves it out. */
export type IndexFunction<T extends KubeObject> = (object: Stored<T>) => readonly string[];

/** Objects by key and by indexes; says what changes. Those that it gives are shared and must not be altered. */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, Stored<T>>();
  readonly #indexFunctions: ReadonlyMap<string, IndexFunction<T>>;
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  readonly #changed: ChangeListener<T>;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>>, changed: ChangeListener<T>) {
    this.#indexFunctions = new Map(Object.entries(indexes));
    for (const name of this.#indexFunctions.keys()) this.#indexes.set(name, new Map());
    this.#changed = changed;
  }

  get(key: ObjectKey): Stored<T> | undefined {
    return this.#objects.get(keyText(key));
  }

  list(namespace?: string): Stored<T>[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  byIndex(index: string, value: string): Stored<T>[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new RangeError(`there is no index "${index}"`);
    const keys = [...(values.get(value) ?? [])];
    return keys.map((key) => this.#objects.get(key)).filter((object) => object !== undefined);
  }

  set(object: Stored<T>): void {
    const key = keyText(keyOf(object));
    const before = this.#objects.get(key);
    if (before?.metadata.uid === object.metadata.uid) {
      if (before.metadata.resourceVersion === object.metadata.resourceVersion) return;
    } else if (before !== undefined) {
      // Another object of the same name: the old one's end was missed.
      this.delete(before);
    }
    const replaced = this.#objects.get(key);
    this.#store(key, replaced, object);
    this.#changed(replaced, object);
  }

  delete(object: { readonly metadata: KubeObject["metadata"] }): void {
    const key = keyText(keyOf(object));
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#store(key, before, undefined);
    this.#changed(before, undefined);
  }

  /** These objects and no others. */
  replaceAll(objects: readonly Stored<T>[]): void {
    const keys = new Set(objects.map((object) => keyText(keyOf(object))));
    for (const [key, before] of this.#objects) if (!keys.has(key)) this.delete(before);
    for (const object of objects) this.set(object);
  }

  #store(key: string, before: Stored<T> | undefined, now: Stored<T> | undefined): void {
    for (const [name, valuesOf] of this.#indexFunctions) {
      const index = this.#indexes.get(name);
      for (const value of before === undefined ? [] : valuesOf(before)) {
        const keys = index?.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index?.delete(value);
      }
      for (const value of now === undefined ? [] : valuesOf(now)) {
        const keys = index?.get(value) ?? new Set();
        index?.set(value, keys.add(key));
      }
    }
    if (now === undefined) this.#objects.delete(key);
    else this.#objects.set(key, now);
  }
}
