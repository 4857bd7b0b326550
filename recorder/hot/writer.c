/* ``Journal.write``, in one system call that keeps the GIL: to give it up costs hundreds of microseconds where another
   thread wants it, and nothing else does that here. What is not ordinary (no segment, a short write, no room) is the
   journal's. */

#include "hot.h"

#include <errno.h>
#include <string.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <sys/uio.h>
#include <unistd.h>

struct Writer {
    PyObject base;
    PyObject *journal, *rule, *encode;
    Layout steps;
    Py_ssize_t segment, fd, marker, seed, size, attend_at;
};

enum { HEAD_BYTES = 16 };

/* One frame as it is written: in one piece, or the head alone and the payload as msgspec ``made`` it. */
typedef struct {
    unsigned char bytes[HEAD_BYTES + MOST_BYTES];
    PyObject *made;
} Frame;

/* Fills a frame and names its pieces; gives how many there are, or -1 with an error. */
static int
fill(Writer *self, PyObject *segment, PyObject *value, Frame *frame, struct iovec *pieces)
{
    unsigned char *head = frame->bytes, *payload = head + HEAD_BYTES;
    int is_step = Py_IS_TYPE(value, (PyTypeObject *)self->steps.type);
    Py_ssize_t size = is_step ? encode_row(&self->steps, value, payload) : 0;
    pieces[0] = (struct iovec){head, (size_t)(HEAD_BYTES + size)};
    int count = 1;
    if (size == 0) {
        frame->made = PyObject_CallOneArg(self->encode, value);
        if (frame->made == NULL) {
            return -1;
        }
        char *made;
        if (PyBytes_AsStringAndSize(frame->made, &made, &size) < 0) {
            return -1;
        }
        payload = (unsigned char *)made;
        pieces[count++] = (struct iovec){payload, (size_t)size};
    }
    uint32_t seed = (uint32_t)PyLong_AsUnsignedLongMask(FIELD(segment, self->seed));
    uint64_t rest = (uint64_t)(uint32_t)size | (uint64_t)crc32_of(seed, payload, size) << 32;
    memcpy(head, PyBytes_AS_STRING(FIELD(segment, self->marker)), 8);
    for (int byte = 0; byte < 8; byte++) {
        head[8 + byte] = (unsigned char)(rest >> (8 * byte));
    }
    return count;
}

/* ``write``, which is no point of cancellation: to say so twice takes a twentieth of it. */
static ssize_t
write_piece(int file, const struct iovec *piece)
{
#ifdef SYS_write
    return syscall(SYS_write, file, piece->iov_base, piece->iov_len);
#else
    return write(file, piece->iov_base, piece->iov_len);
#endif
}

/* Writes all pieces at once; gives how many bytes the file took, and of how many. */
static ssize_t
put(int file, const struct iovec *pieces, int count, ssize_t *wanted)
{
    ssize_t done;
    *wanted = 0;
    for (int piece = 0; piece < count; piece++) {
        *wanted += (ssize_t)pieces[piece].iov_len;
    }
    do {
        done = count == 1 ? write_piece(file, pieces) : writev(file, pieces, count);
    } while (done < 0 && errno == EINTR);
    return done;
}

/* Values as they are to be written; NULL where there is no room for them, or with an error. */
static PyObject *
values_to_write(Writer *self, PyObject *values)
{
    PyObject *kept = PyObject_CallMethod(self->journal, "_kept", "O", values);
    if (kept == Py_None) {
        Py_CLEAR(kept);
    }
    return kept;
}

/* After a write: the segment is longer now; one that was cut short, and the need to look around, are the journal's. */
static int
written(Writer *self, PyObject *segment, PyObject *frame, PyObject *values, ssize_t done, ssize_t wanted)
{
    PyObject *answer;
    if (done != wanted) {
        answer = PyObject_CallMethod(self->journal, "_write_elsewhere", "OOOnn", segment, frame, values, done, wanted);
    }
    else if (add(segment, self->size, (long)done) < 0) {
        return -1;
    }
    else if (PyLong_AsLong(FIELD(segment, self->size)) < PyLong_AsLong(FIELD(segment, self->attend_at))) {
        return 0;
    }
    else {
        answer = PyErr_Occurred() ? NULL : PyObject_CallMethod(self->journal, "_attend", "O", segment);
    }
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

static int
append_to(Writer *self, PyObject *segment, PyObject *frame, PyObject *values)
{
    struct iovec pieces[4];
    Frame first, second;
    first.made = second.made = NULL;
    int count, more = 0, result = -1;
    PyObject *kept = values == Py_None ? NULL : values_to_write(self, values);
    if (PyErr_Occurred() || (count = fill(self, segment, frame, &first, pieces)) < 0 ||
        (kept != NULL && (more = fill(self, segment, kept, &second, pieces + count)) < 0)) {
        goto end;
    }
    ssize_t wanted, done = put((int)PyLong_AsLong(FIELD(segment, self->fd)), pieces, count + more, &wanted);
    result = written(self, segment, frame, values, done, wanted);
end:
    Py_XDECREF(second.made);
    Py_XDECREF(first.made);
    Py_XDECREF(kept);
    return result;
}

int
write_frame(Writer *self, PyObject *frame, PyObject *values)
{
    PyObject *segment = FIELD(self->journal, self->segment);
    if (segment == NULL) {
        PyErr_SetString(PyExc_AttributeError, "the journal has no segment yet");
        return -1;
    }
    Py_INCREF(segment);
    int result;
    if (segment == Py_None) {
        PyObject *args[] = {frame, values}, *answer = PyObject_Vectorcall(self->rule, args, 2, NULL);
        Py_XDECREF(answer);
        result = answer == NULL ? -1 : 0;
    }
    else {
        result = append_to(self, segment, frame, values);
    }
    Py_DECREF(segment);
    return result;
}

static PyObject *
Writer_write(Writer *self, PyObject *const *args, Py_ssize_t count)
{
    if (count < 1 || count > 2) {
        return PyErr_Format(PyExc_TypeError, "write takes a frame and values, not %zd arguments", count);
    }
    return write_frame(self, args[0], count == 2 ? args[1] : Py_None) < 0 ? NULL : Py_NewRef(Py_None);
}

Writer *
writer_behind(PyObject *method)
{
    int is_ours =
        PyCFunction_Check(method) && PyCFunction_GET_FUNCTION(method) == (PyCFunction)(void (*)(void))Writer_write;
    return is_ours ? (Writer *)PyCFunction_GET_SELF(method) : NULL;
}

/* Writer(journal, rule, encode, segments, steps): ``rule`` is the journal's own method, the last two are classes. */
static int
Writer_fill(PyObject *object, PyObject *args)
{
    Writer *self = (Writer *)object;
    PyObject *journal, *rule, *encode, *segments, *steps;
    if (!PyArg_ParseTuple(args, "OOOOO", &journal, &rule, &encode, &segments, &steps)) {
        return -1;
    }
    self->journal = Py_NewRef(journal);
    self->rule = Py_NewRef(rule);
    self->encode = Py_NewRef(encode);
    self->steps.type = Py_NewRef(steps);
    if (find_field((PyObject *)Py_TYPE(journal), "_segment", &self->segment) < 0 ||
        find_field(segments, "fd", &self->fd) < 0 || find_field(segments, "marker", &self->marker) < 0 ||
        find_field(segments, "seed", &self->seed) < 0 || find_field(segments, "size", &self->size) < 0 ||
        find_field(segments, "attend_at", &self->attend_at) < 0) {
        return -1;
    }
    return find_layout(steps, &self->steps);
}

#define REFERENCES(VISIT)                                                                                              \
    VISIT(self->journal);                                                                                              \
    VISIT(self->rule);                                                                                                 \
    VISIT(self->encode);                                                                                               \
    VISIT(self->steps.type);
HOLDS_REFERENCES(Writer)

static PyMethodDef methods[] = {
    {"write", (PyCFunction)(void (*)(void))Writer_write, METH_FASTCALL, "write(frame, values=None): append them."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, Writer_new},
    {Py_tp_dealloc, Writer_dealloc},
    {Py_tp_traverse, Writer_traverse},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec Writer_spec = {
    .name = "recorder.hot._hot.Writer",
    .basicsize = sizeof(Writer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
