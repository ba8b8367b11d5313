// The main script of the single executable: runs the bundle so that its `import()` finds the files of users.
const { getAsset } = require('node:sea');
const vm = require('node:vm');

// Node warns that this constant is experimental: that is nothing to tell a user of cgroup.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER'))
    emitWarning.call(process, warning, ...rest);
};

const names = ['exports', 'require', 'module', '__filename', '__dirname'];
const run = vm.compileFunction(getAsset('cgroup.cjs', 'utf8'), names, {
  filename: 'cgroup.cjs',
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
run({}, require, { exports: {} }, __filename, __dirname);
