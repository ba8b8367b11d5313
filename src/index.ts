// Projects that list their `types`, as new ones do with an empty list, would miss EventEmitter and AbortSignal.
/// <reference types="node" preserve="true" />
export type { Failure } from './consumer/settler.js';
export type { Gap } from './core/bridge-store.js';
export type { DeadReason } from './core/consumer-store.js';
export type { AutoscaleRule, Control, ControlEvent, ProcessStatus } from './core/control.js';
export { CgroupError, type ErrorCode, type SettingProblem, SettingsError } from './core/errors.js';
export type { Message } from './core/message.js';
export { ConsumerGroup, type GroupEvents, type GroupOptions } from './group/consumer-group.js';
export type { Logger, LogLine } from './log/logger.js';
export { type ClientOptions, GroupClient } from './observe/client.js';
export type { ControlStatus, ShownProcess } from './observe/control-status.js';
export type { DeadLetters, ShownDeadLetter } from './observe/dead-letters.js';
export type { DeadLetterGroup, DeadLetterSelection } from './observe/dead-selection.js';
export type { ChangeOptions } from './observe/group-control.js';
export type { ConsumerStatus, GroupStatus, OrderStatus, SourceStatus, WaitingKey } from './observe/status.js';
export type { Context } from './processor/context.js';
export type { Processor } from './processor/processor.js';
export type { ForeignValue } from './redis/foreign.js';
export type { Counters, GroupTotals } from './redis/reading.js';
export type { Listen } from './settings/addresses.js';
export type { Settings, SettingsInput } from './settings/settings.js';
export type { Differences, Examples } from './verify/differences.js';
export type { Steps, StepTimes } from './verify/steps.js';
export type { Verification, VerifyOptions } from './verify/verify.js';
export type { GroupConnection } from './worker/link.js';
export type { RemoteWorkerOptions } from './worker/options.js';
export { RemoteWorker, type RemoteWorkerEvents } from './worker/remote-worker.js';
