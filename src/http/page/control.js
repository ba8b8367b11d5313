import { act, actionButton } from './actions.js';
import { byId, make, setText } from './dom.js';
import { count, counted, duration } from './format.js';

/** Shows what is wanted of the group, and changes it: pause, resume, scale, drain. */
export class ControlBar {
  #confirmation;
  #status;
  /** That of the last change from here. */
  #revision = 0;

  /** @param confirmation of {@link Confirmation} */
  constructor(confirmation) {
    this.#confirmation = confirmation;
    byId('pause').addEventListener('click', () => this.#askPause());
    byId('scale').addEventListener('click', () => this.#askScale());
  }

  /** @param status of the group */
  show(status) {
    this.#status = status;
    const { control, processes, server } = status;
    const { wanted, running, capacity, autoscale: rule } = control;
    const used = control.revision > 0 || processes.some(({ managed }) => managed);
    const parts = [`${count(wanted)} wanted, ${count(running)} run, capacity ${count(capacity)}`];
    if (rule)
      parts.push(
        `autoscale ${count(rule.min)} to ${count(rule.max)}, a backlog to be gone within ${duration(rule.drainWithin)}`,
      );
    if (control.drained.length > 0) parts.push(`drained: ${control.drained.join(', ')}`);
    if (control.paused) parts.push('paused');
    setText(byId('control'), used ? parts.join('; ') : 'all have a fixed number of consumers');
    document.body.classList.toggle('acts', server.actions);
    setText(byId('pause'), control.paused ? 'Resume …' : 'Pause …');
    setText(byId('actions-hint'), server.actions ? '' : (server.actionsHint ?? ''));
  }

  /** Shows the button that drains a process, or ends that. Fixed processes have none. */
  showDrain(cell, { id, host, managed, drained, consumers }, status) {
    const [shown] = cell.children;
    if (!managed) {
      shown?.remove();
      return;
    }
    const text = drained ? 'Undrain …' : 'Drain …';
    if (shown?.textContent === text) return;
    // The host may be what is drained: that is ended for all its processes.
    const name = status.control.drained.includes(host) ? host : id;
    const ask = drained ? () => this.#askUndrain(name) : () => this.#askDrain(name, consumers);
    cell.replaceChildren(actionButton(text, ask, { 'aria-label': `${text.slice(0, -2)} ${name}` }));
  }

  /**
   * Asks whether to change what is shown now. If somebody else changes the group before it is sent, it is refused.
   *
   * @param dialog as for {@link Confirmation.ask}, with `body()` of the action, and `done()`, what was done, in words
   */
  #ask(action, { body = () => ({}), done, ...dialog }) {
    // What this page changed itself a moment ago is not in the status yet.
    const revision = Math.max(this.#status.control.revision, this.#revision);
    const run = async (asked) => {
      const { control } = await act(action, { revision, ...body(), ...asked });
      this.#revision = control.revision;
      return done();
    };
    this.#confirmation.ask({ ...dialog, withWhy: true, run });
  }

  #askPause() {
    const { control, consumers, backlog } = this.#status;
    if (control.paused) {
      this.#ask('resume', {
        title: 'Resume the group?',
        texts: [
          `${counted(consumers.length, 'consumer')} of all processes begin attempts again. ${counted(backlog, 'message')} ${backlog === 1 ? 'waits' : 'wait'} to be processed.`,
        ],
        verb: 'Resume',
        done: () => 'The group is resumed.',
      });
      return;
    }
    this.#ask('pause', {
      title: 'Pause the whole group?',
      texts: [
        `No consumer of any process (${count(consumers.length)} now) begins a new attempt, until somebody resumes. Attempts under way go on to their end.`,
        'New messages are relayed on and wait: none is missed. The pause outlives restarts.',
      ],
      verb: 'Pause',
      done: () => 'The group is paused.',
    });
  }

  #askScale() {
    const { control, processes } = this.#status;
    const { wanted, running, capacity, autoscale: rule } = control;
    const managed = processes.filter((one) => one.managed).length;
    const size = numberField('Consumers', control.size ?? wanted, 0);
    const auto = make('input', { type: 'checkbox', id: 'scale-auto' });
    auto.checked = rule !== null;
    const least = numberField('At least', rule?.min ?? 1, 1);
    const most = numberField('At most', rule?.max ?? 100, 1);
    const swap = () => {
      size.show(!auto.checked);
      least.show(auto.checked);
      most.show(auto.checked);
    };
    auto.addEventListener('change', swap);
    swap();
    this.#ask('scale', {
      title: 'Scale the group?',
      texts: [
        `${count(wanted)} are wanted, ${count(running)} run, with a capacity of ${count(capacity)} in ${counted(managed, 'managed process', 'managed processes')}.` +
          (managed === 0 ? ' Nothing changes until one is started: cgroup start --managed.' : ''),
        'With a fixed number autoscaling ends. Consumers that are too many finish their attempts and leave.',
      ],
      verb: 'Scale',
      fields: [
        make(
          'p',
          {},
          auto,
          ' ',
          make('label', { for: 'scale-auto' }, 'The group finds the number by itself'),
        ),
        size.element,
        least.element,
        most.element,
      ],
      body: () =>
        auto.checked ? { autoscale: { min: least.value(), max: most.value() } } : { size: size.value() },
      done: () =>
        auto.checked ? 'The group scales by itself.' : `${counted(size.value(), 'consumer')} wanted.`,
    });
  }

  #askDrain(name, consumers) {
    this.#ask('drain', {
      title: `Drain ${name}?`,
      texts: [
        `Its ${counted(consumers, 'consumer')} finish their attempts, hand back the rest and leave. Other managed processes run them, within their capacities.`,
        'It stays up, and runs no consumers until it is undrained: its bridge goes on.',
      ],
      verb: 'Drain',
      body: () => ({ name }),
      done: () => `${name} is drained.`,
    });
  }

  #askUndrain(name) {
    this.#ask('undrain', {
      title: `Undrain ${name}?`,
      texts: ['It gets its share of the consumers again.'],
      verb: 'Undrain',
      body: () => ({ name }),
      done: () => `${name} is no longer drained.`,
    });
  }
}

function numberField(label, value, min) {
  const id = `field-${label.replace(/\W/g, '-').toLowerCase()}`;
  const input = make('input', {
    id,
    type: 'number',
    min: String(min),
    max: '10000',
    step: '1',
    required: '',
  });
  input.value = String(value);
  const element = make('p', { class: 'field' }, make('label', { for: id }, label), input);
  const show = (isShown) => {
    element.hidden = !isShown;
    // A field that is not seen is not checked.
    input.disabled = !isShown;
  };
  return { element, show, value: () => Number(input.value) };
}
