"""Runs a command on a terminal of its own (a pty), for tests.

usage: terminal.py ROWS COLUMNS COMMAND...
The output of the command goes to stdout. Lines on stdin are what the user does: `keys TEXT` (JSON string),
`size ROWS COLUMNS`. When the command has ended, a line on stderr has its exit code and whether the
terminal echoes and edits lines as before.
"""
import fcntl, json, os, pty, select, struct, sys, termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


rows, columns = int(sys.argv[1]), int(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    resize(0, rows, columns)
    os.execvp(sys.argv[3], sys.argv[3:])

print(json.dumps({"pid": pid}), file=sys.stderr, flush=True)
watched, typed = [fd, 0], b""
while True:
    ready, _, _ = select.select(watched, [], [])
    if fd in ready:
        try:
            data = os.read(fd, 65536)
        except OSError:  # the command has closed its side
            data = b""
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            watched.remove(0)
        *lines, typed = (typed + data).split(b"\n")
        for line in lines:
            what, rest = line.decode().split(" ", 1)
            if what == "keys":
                os.write(fd, json.loads(rest).encode())
            else:
                resize(fd, *map(int, rest.split()))
modes = termios.tcgetattr(fd)[3]
_, status = os.waitpid(pid, 0)
print(
    json.dumps({
        "code": os.waitstatus_to_exitcode(status),
        "restored": bool(modes & termios.ECHO) and bool(modes & termios.ICANON),
    }),
    file=sys.stderr,
    flush=True,
)
