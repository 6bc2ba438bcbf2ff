import vm from 'node:vm';
import { TestEnvironment as NodeEnvironment } from 'jest-environment-node';

/**
 * Jest's environment for Node, with globals of its own as ever, but in a context without interceptors: there, each use of
 * `Math`, `Date` or `Map` would be a call out of compiled code (what detection computes takes five times as long).
 */
export default class PlainContextEnvironment extends NodeEnvironment {
  constructor(config, context) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(config, context);
    } finally {
      vm.createContext = createContext;
    }
  }
}
