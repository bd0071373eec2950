/**
 * The items that were added and not released. A Map leaves its former tables, with the requests in them, to the next collection of
 * old objects: a cold total took a tenth longer (docs/decisions/0010).
 */
export function createSlots<Item>() {
  const slots: (Item | undefined)[] = [];
  const free: number[] = [];

  /** Returns a function that releases the item. */
  function add(item: Item): () => void {
    const slot = free.pop() ?? slots.length;
    slots[slot] = item;
    return () => {
      slots[slot] = undefined;
      free.push(slot);
    };
  }
  return { add, list: () => slots.filter((item) => item !== undefined) };
}
