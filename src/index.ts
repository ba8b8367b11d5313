// Projects that list their `types`, as new ones do with an empty list, would miss EventEmitter and AbortSignal.
/// <reference types="node" preserve="true" />
export type { Failure } from './consumer/settler.js';
export type { DeadReason } from './core/consumer-store.js';
export { CgroupError, type ErrorCode, type SettingProblem, SettingsError } from './core/errors.js';
export type { Message } from './core/message.js';
export { ConsumerGroup, type GroupEvents, type GroupOptions } from './group/consumer-group.js';
export type { Logger } from './log/logger.js';
export type { ConsumerStatus, GroupStatus } from './observe/status.js';
export type { Context } from './processor/context.js';
export type { Processor } from './processor/processor.js';
export type { Settings, SettingsInput } from './settings/settings.js';
