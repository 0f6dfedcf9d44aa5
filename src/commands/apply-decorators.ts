/** Several property decorators as one. */
export const applyDecorators = (...decorators: readonly PropertyDecorator[]): PropertyDecorator => (target, property) => {
  for (const decorate of decorators) decorate(target, property);
};
