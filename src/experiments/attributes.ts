import { isObject, type Payload } from './payload.js';
import { userAttributes } from './split.js';

/**
 * GrowthBook copies the attributes several times for each feature, so it gets only those that some condition looks at. The
 * user's id is a text, whatever it came as.
 */
export const attributePicker = ({ features, savedGroups }: Payload) => {
  const named = new Set<string>();
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(collect);
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (!key.startsWith('$')) named.add(key.split('.', 1)[0] ?? key);
      if (key === 'attributeKey' && typeof inner === 'string') named.add(inner.split('.', 1)[0] ?? inner);
      collect(inner);
    }
  };
  collect(savedGroups);
  const rules = features.flatMap((feature) => feature.rules);
  for (const { condition, filters, hashAttribute } of rules) {
    collect(condition);
    for (const attribute of [hashAttribute, ...(Array.isArray(filters) ? filters.map(attributeOf) : [])])
      if (typeof attribute === 'string') named.add(attribute);
  }
  const ids = userAttributes.filter((name) => name === 'id' || named.has(name));
  const others = [...named].filter((name) => !userAttributes.includes(name));
  return (attributes: Readonly<Record<string, unknown>>, id: string | undefined): Record<string, unknown> => {
    const picked: Record<string, unknown> = {};
    for (const name of ids) picked[name] = id;
    for (const name of others) if (Object.hasOwn(attributes, name)) picked[name] = attributes[name];
    return picked;
  };
};

const attributeOf = (filter: unknown): unknown => (isObject(filter) ? filter['attribute'] : undefined);
