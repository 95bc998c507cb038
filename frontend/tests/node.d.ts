// The little of Node that the tests use; its full types are not worth a dependency.
declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
  const assert: {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(body: () => unknown, error?: RegExp | (new () => Error)): void;
    rejects(body: Promise<unknown> | (() => Promise<unknown>), error?: RegExp): Promise<void>;
  };
  export default assert;
}
