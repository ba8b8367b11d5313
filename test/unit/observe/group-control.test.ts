import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { GroupControl } from '../../../src/observe/group-control.js';
import { FakeControlStore, managed, UNSET } from '../../helpers/control.js';

const store = () =>
  new FakeControlStore(
    managed('web1-1-aaaaaa', 'web1'),
    managed('web2-2-bbbbbb', 'web2'),
    managed('old-3-cccccc', 'old', { managed: false }),
  );
const who = `${userInfo().username}@${hostname()}`;

describe('a change', () => {
  it('names the user, the host and the reason', async () => {
    const group = store();
    await new GroupControl(group).scale(17, { why: 'sale' });
    await new GroupControl(group).pause();
    expect(group.log).toMatchObject([
      { who, why: 'sale', what: 'size 17' },
      { who, why: '', what: 'paused true' },
    ]);
  });

  it('is refused if another one came since the revision that the caller has seen', async () => {
    const group = store();
    const control = new GroupControl(group);
    const { revision } = await control.scale(17);
    group.set({ size: 9 });
    await expect(control.scale(18, { revision })).rejects.toMatchObject({ code: 'STALE' });
    await expect(control.pause({ revision })).rejects.toMatchObject({ code: 'STALE' });
    expect(group.control).toMatchObject({ size: 9, paused: false });
  });
});

describe('autoscaling', () => {
  it('has defaults, and keeps what a new rule leaves out', async () => {
    const control = new GroupControl(store());
    expect((await control.scale({ min: 1, max: undefined } as object)).autoscale).toEqual({
      min: 1,
      max: 100,
      drainWithin: 10_000,
    });
    await control.scale({ min: 3, drainWithin: 4_000 });
    expect((await control.scale({ max: 30 })).autoscale).toEqual({ min: 3, max: 30, drainWithin: 4_000 });
  });

  it('is not begun by a size that is no number', async () => {
    const group = store();
    await expect(new GroupControl(group).scale('20' as unknown as number)).rejects.toThrow('got "20"');
    expect(group.control).toEqual(UNSET);
  });

  it.each<[unknown, RegExp]>([
    [undefined, /^size must be a whole number from 0 to 10000; got undefined$/],
    [null, /^size must be a whole number/],
    [Number.NaN, /got NaN$/],
    [{}, /^a rule of autoscaling needs one of min, max, drainWithin$/],
    [{ max: undefined }, /^a rule of autoscaling needs one of/],
    [
      { minimum: 3, maximum: 9 },
      /^there is no "minimum" in a rule.*min, max, drainWithin\nthere is no "maximum"/,
    ],
    [[7], /^there is no "0"/],
  ])('is not begun by %j', async (to, message) => {
    const group = store();
    const scaling = new GroupControl(group).scale(to as number);
    await expect(scaling).rejects.toMatchObject({
      code: 'SETTINGS',
      message: expect.stringMatching(message),
    });
    expect(group.control).toEqual(UNSET);
  });
});

describe('drain', () => {
  it('takes the name of a host or a process, and undrain gives it back', async () => {
    const control = new GroupControl(store());
    await control.drain('web1');
    expect((await control.drain('web2-2-bbbbbb')).drained).toEqual(['web1', 'web2-2-bbbbbb']);
    expect((await control.drain('web1')).drained).toHaveLength(2);
    expect((await control.undrain('web1')).drained).toEqual(['web2-2-bbbbbb']);
  });

  it('refuses an unknown name, and names the live hosts and processes', async () => {
    await expect(new GroupControl(store()).drain('wbe1')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message:
        'no live host or process is named wbe1 (did you mean web1?); hosts: web1, web2; processes: web1-1-aaaaaa, web2-2-bbbbbb',
    });
    await expect(new GroupControl(new FakeControlStore()).drain('web1')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('cgroup start --managed'),
    });
  });

  it.each(['', 'two words'])('quotes the name %j', async (name) => {
    const control = new GroupControl(store());
    await expect(control.drain(name)).rejects.toThrow(`named "${name}"; hosts`);
    await expect(control.undrain(name)).rejects.toThrow(`"${name}" is not drained`);
  });

  it('lists at most 20 names', async () => {
    const many = Array.from({ length: 23 }, (_, n) => managed(`p${n}`, 'web'));
    const refusal = new GroupControl(new FakeControlStore(...many)).drain('other');
    await expect(refusal).rejects.toThrow(/p19 and 3 more$/);
  });

  it('refuses a process with a fixed number of consumers', async () => {
    await expect(new GroupControl(store()).drain('old')).rejects.toMatchObject({ code: 'STATE' });
  });

  it('loses no drain that another operator adds at the same time', async () => {
    const group = store();
    let left = 3;
    group.onChange = () => {
      if (left-- > 0) group.set({ drained: [...group.control.drained, `other${left}`] });
    };
    expect((await new GroupControl(group).drain('web1')).drained).toEqual([
      'other2',
      'other1',
      'other0',
      'web1',
    ]);
  });

  it('gives up if others change the control again and again', async () => {
    const group = store();
    group.onChange = () => group.set({ size: (group.control.size ?? 0) + 1 });
    await expect(new GroupControl(group).drain('web1')).rejects.toMatchObject({ code: 'STALE' });
  });
});

describe('undrain', () => {
  it('takes the name of a process that is gone', async () => {
    const group = store();
    const control = new GroupControl(group);
    await control.drain('web1-1-aaaaaa');
    group.live = [];
    expect((await control.undrain('web1-1-aaaaaa')).drained).toEqual([]);
  });

  it('refuses a name that is not drained, and names those that are', async () => {
    const control = new GroupControl(store());
    await expect(control.undrain('web1')).rejects.toThrow('web1 is not drained; nothing is drained');
    await control.drain('web1');
    await expect(control.undrain('web2')).rejects.toThrow(
      'web2 is not drained (did you mean web1?); drained: web1',
    );
  });
});
