// Projects that list their `types`, as new ones do with an empty list, would miss EventEmitter and AbortSignal.
/// <reference types="node" preserve="true" />
export type { Failure } from './consumer/outcomes.js';
export { CgroupError, type ErrorCode, type SettingProblem, SettingsError } from './errors.js';
export { ConsumerGroup, type GroupEvents, type GroupOptions } from './group.js';
export type { Logger } from './logger.js';
export type { Message } from './message.js';
export type { Context } from './processor/context.js';
export type { Processor } from './processor/processor.js';
export type { DeadReason } from './redis/road.js';
export type { Settings, SettingsInput } from './settings.js';
export type { ConsumerStatus, GroupStatus } from './snapshot.js';
