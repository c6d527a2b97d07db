/** The shape of a value: a type, a list of one shape, or fields; those whose names end with `?` may be absent. */
export type Shape = 'string' | 'number' | 'boolean' | readonly [Shape] | { readonly [field: string]: Shape };

/** Whether a value that was JSON has this shape. Other fields are not looked at. */
export function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return typeof value === shape;
  if (typeof value !== 'object' || value === null) return false;
  if (isList(shape)) return Array.isArray(value) && value.every((each) => fits(each, shape[0]));
  return Object.entries(shape).every(([field, inner]) => {
    const isOptional = field.endsWith('?');
    const name = isOptional ? field.slice(0, -1) : field;
    const own: unknown = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    // What is without limit is null in JSON.
    return own === undefined || own === null ? isOptional : fits(own, inner);
  });
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
