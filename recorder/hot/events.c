/* The ordinary events of ``recorder.linking``: a node starts or ends, an item of a map starts or ends, a superstep
   starts. Each gathers its facts first and then changes state, so that an event which turns out not to be ordinary
   finds nothing changed when it goes to its rule, the method in Python. */

#include "ordinary.h"

#include <time.h>

/* The open span of an id, or NULL. A new reference: whatever runs meanwhile, such as a finalizer, may close it. */
static PyObject *
open_span(Ordinary *self, PyObject *span_id)
{
    return Py_XNewRef(PyDict_GetItemWithError(self->kept.open, span_id));
}

/* Whether a start with this id came before: 1, 0, or -1 with an error. */
static int
is_repeated(Ordinary *self, PyObject *span_id)
{
    int found = PyDict_Contains(self->kept.open, span_id);
    for (Py_ssize_t each = 0; found == 0 && each < PyList_GET_SIZE(self->kept.windows); each++) {
        PyObject *seen = Py_NewRef(PyList_GET_ITEM(self->kept.windows, each));
        found = PySet_Contains(seen, span_id);
        Py_DECREF(seen);
    }
    return found;
}

/* Remembers that a span ended, as ``Memory._saw``. */
static int
saw(Ordinary *self, PyObject *span_id)
{
    PyObject *seen = Py_NewRef(PyList_GET_ITEM(self->kept.windows, 0));
    Py_ssize_t size = PySet_Add(seen, span_id) < 0 ? -1 : PySet_Size(seen);
    Py_DECREF(seen);
    if (size <= self->window) {
        return size < 0 ? -1 : 0;
    }
    PyObject *turned = PyObject_CallNoArgs(self->kept.turn_window);
    Py_XDECREF(turned);
    return turned == NULL ? -1 : 0;
}

static long
kind_of(Ordinary *self, PyObject *span)
{
    return PyLong_AsLong(FIELD(span, self->span.kind));
}

/* The thread that runs this: empty for the main one. */
static PyObject *
thread_name(Ordinary *self)
{
    if (PyThread_get_thread_ident() == (unsigned long)self->main_thread) {
        return PyUnicode_New(0, 0);
    }
    return PyObject_CallNoArgs(self->kept.thread_name);
}

static PyObject *
monotonic_ns(Ordinary *self)
{
    struct timespec now;
    if (!self->is_clock || clock_gettime(CLOCK_MONOTONIC, &now) < 0) {
        return PyObject_CallNoArgs(self->kept.monotonic_ns);
    }
    return PyLong_FromLongLong((long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

/* New rows --------------------------------------------------------------------------------------------------------- */

/* What a new row has that is not the same for all of its run. */
typedef struct {
    PyObject *kind, *span_id, *node, *graph, *path, *started_at, *item, *execution, *superstep, *created_at;
} Row;

/* The span of a new row below ``parent``, open from now on; a new reference. */
static PyObject *
begin(Ordinary *self, PyObject *parent, PyObject *span_kind, const Row *row)
{
    PyObject *run = FIELD(parent, self->span.run), *run_row = FIELD(run, self->run.frame), *span = NULL;
    PyObject *zero = PyLong_FromLong(0); /* the run itself */
    PyObject *above =
        kind_of(self, parent) <= self->map_root ? zero : FIELD(FIELD(parent, self->span.frame), self->row.step);
    PyObject *step = PyIter_Next(FIELD(run, self->run.numbers));
    PyObject *thread = step == NULL ? NULL : thread_name(self);
    PyObject *started = thread == NULL ? NULL : monotonic_ns(self), *frame = NULL;
    if (started != NULL) {
        PyObject *fields[] = {
            FIELD(run_row, self->run_row.run),
            step,
            above,
            row->kind,
            row->span_id,
            row->node,
            row->graph,
            row->path,
            row->started_at,
            self->kept.RUNNING,
            row->item,
            row->execution,
            row->superstep,
            thread,
            row->created_at,
        };
        frame = PyObject_Vectorcall(self->kept.StepFrame, fields, sizeof fields / sizeof *fields, NULL);
    }
    if (frame != NULL) {
        PyObject *fields[] = {span_kind, frame, run, parent, row->path, row->item, started};
        span = PyObject_Vectorcall(self->kept.Span, fields, sizeof fields / sizeof *fields, NULL);
    }
    if (span != NULL &&
        (PyDict_SetItem(self->kept.open, row->span_id, span) < 0 || add(run, self->run.open_spans, 1) < 0)) {
        Py_CLEAR(span);
    }
    Py_XDECREF(frame);
    Py_XDECREF(started);
    Py_XDECREF(thread);
    Py_XDECREF(step);
    Py_DECREF(zero);
    return span;
}

/* Which execution of a node below ``parent`` this is, counted from 1; a new reference. */
static PyObject *
next_execution(Ordinary *self, PyObject *parent, PyObject *node)
{
    PyObject *executions = FIELD(parent, self->span.executions);
    if (executions == Py_None) {
        executions = PyDict_New();
        if (store(parent, self->span.executions, executions) < 0) {
            return NULL;
        }
    }
    Py_INCREF(executions);
    PyObject *before = PyDict_GetItemWithError(executions, node), *execution = NULL;
    if (!PyErr_Occurred()) {
        execution = PyLong_FromLong(before == NULL ? 1 : PyLong_AsLong(before) + 1);
    }
    if (execution != NULL && PyDict_SetItem(executions, node, execution) < 0) {
        Py_CLEAR(execution);
    }
    Py_DECREF(executions);
    return execution;
}

static int
append(Ordinary *self, PyObject *frame, PyObject *values)
{
    if (self->writer != NULL) {
        return write_frame(self->writer, frame, values);
    }
    PyObject *args[] = {frame, values}, *answer = PyObject_Vectorcall(self->write, args, 2, NULL);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* Writes a row, with the values that ``take(event, span)`` finds; a failure there costs the values, not the row. */
static int
append_with_values(Ordinary *self, PyObject *take, PyObject *event, PyObject *span)
{
    PyObject *frame = FIELD(span, self->span.frame);
    if (take == Py_None) {
        return append(self, frame, Py_None);
    }
    PyObject *args[] = {event, span}, *type, *error, *trace;
    PyObject *values = PyObject_Vectorcall(take, args, 2, NULL);
    PyErr_Fetch(&type, &error, &trace);
    int result = append(self, frame, values == NULL ? Py_None : values);
    Py_XDECREF(values);
    if (type != NULL) {
        PyErr_Clear();
        PyErr_Restore(type, error, trace);
        result = -1;
    }
    return result;
}

/* Events ----------------------------------------------------------------------------------------------------------- */

int
node_start(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *span_id = text(handler, event, OF_span_id), *above = text(handler, event, OF_parent_span_id);
    PyObject *node = clean_name(handler, event, OF_node_name);
    PyObject *graph = clean_name(handler, event, OF_graph_name);
    PyObject *started_at = micros(handler, event, OF_timestamp), *superstep = fact(handler, event, OF_superstep);
    PyObject *created_at = NULL, *asked = NULL, *path = NULL, *execution = NULL, *span = NULL;
    PyObject *parent = above == NULL ? NULL : open_span(self, above);
    int result = 0;

    if (!span_id || !node || !graph || !started_at || !superstep || !parent || !is_plain_name(node) ||
        is_repeated(self, span_id) != 0 || optional(handler, event, OF_created_at, &asked) < 0) {
        goto end;
    }
    created_at = asked == NULL || asked == Py_None ? Py_NewRef(Py_None) : micros(handler, event, OF_created_at);
    if (created_at == NULL) {
        goto end;
    }
    result = -1;
    execution = next_execution(self, parent, node);
    path = execution == NULL ? NULL : path_of_node(FIELD(parent, self->span.path), node, execution);
    PyObject *run_row = FIELD(FIELD(parent, self->span.run), self->run.frame), *call = FIELD(parent, self->span.call);
    if (path == NULL || add(run_row, self->run_row.steps, 1) < 0) {
        goto end;
    }
    Row row = {
        self->kept.NODE, span_id,   node,       graph, path, started_at, FIELD(parent, self->span.item),
        execution,       superstep, created_at,
    };
    span = begin(self, parent, self->kept.NODE_RUN, &row);
    if (span == NULL) {
        goto end;
    }
    if (call != Py_None) {
        PyObject *args[] = {event, span, call}, *noted = PyObject_Vectorcall(self->kept.note_call, args, 3, NULL);
        if (noted == NULL) {
            goto end;
        }
        Py_DECREF(noted);
    }
    result = append_with_values(self, self->kept.started_values, event, span) < 0 ? -1 : 1;
end:
    Py_XDECREF(parent);
    Py_XDECREF(span);
    Py_XDECREF(execution);
    Py_XDECREF(path);
    Py_XDECREF(created_at);
    Py_XDECREF(asked);
    Py_XDECREF(superstep);
    Py_XDECREF(started_at);
    Py_XDECREF(graph);
    Py_XDECREF(node);
    Py_XDECREF(above);
    Py_XDECREF(span_id);
    return result;
}

/* How long a span took in milliseconds, where its event does not say. */
static PyObject *
elapsed(Ordinary *self, PyObject *span)
{
    PyObject *now = monotonic_ns(self);
    if (now == NULL) {
        return NULL;
    }
    long long taken = PyLong_AsLongLong(now) - PyLong_AsLongLong(FIELD(span, self->span.started));
    Py_DECREF(now);
    return PyErr_Occurred() ? NULL : PyFloat_FromDouble((double)taken / 1e6);
}

/* The open span that an event ends, a new reference; NULL unless it is of this kind and nothing is open inside it. */
static PyObject *
ended_span(Ordinary *self, PyObject *span_id, long kind)
{
    PyObject *span = span_id == NULL ? NULL : open_span(self, span_id);
    if (span != NULL && (kind_of(self, span) != kind || FIELD(span, self->span.nested) != Py_None)) {
        Py_CLEAR(span);
    }
    return span;
}

/* Closes a span and makes its row final. ``told`` is how long it took, NULL or None where the event does not say. */
static int
end_step(Ordinary *self, PyObject *span, PyObject *told, PyObject *span_id, PyObject *status, PyObject *ended_at)
{
    PyObject *row = FIELD(span, self->span.frame), *run = FIELD(span, self->span.run);
    PyObject *duration = told == NULL || told == Py_None ? elapsed(self, span) : Py_NewRef(told);
    int is_first = FIELD(row, self->row.ended_at) == Py_None;
    if (store(row, self->row.duration_ms, duration) < 0 || PyDict_DelItem(self->kept.open, span_id) < 0 ||
        store(row, self->row.final, PyBool_FromLong(is_first)) < 0 ||
        store(row, self->row.status, Py_NewRef(status)) < 0 ||
        store(row, self->row.ended_at, Py_NewRef(ended_at)) < 0 || add(run, self->run.open_spans, -1) < 0) {
        return -1;
    }
    return saw(self, span_id);
}

int
node_end(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *span_id = text(handler, event, OF_span_id), *span = ended_span(self, span_id, self->node_run);
    PyObject *ended_at = micros(handler, event, OF_timestamp), *cached = fact(handler, event, OF_cached),
             *chunks = NULL;
    PyObject *told = NULL;
    int result = 0;
    if (span == NULL || ended_at == NULL || cached == NULL || !PyBool_Check(cached) ||
        optional(handler, event, OF_chunks, &chunks) < 0 ||
        (chunks != NULL && (!PyLong_CheckExact(chunks) || PyObject_IsTrue(chunks))) ||
        optional(handler, event, OF_duration_ms, &told) < 0) {
        goto end;
    }
    result = -1;
    if (cached == Py_True && store(FIELD(span, self->span.frame), self->row.cached, Py_NewRef(Py_True)) < 0) {
        goto end;
    }
    if (end_step(self, span, told, span_id, self->kept.COMPLETED, ended_at) == 0 &&
        append_with_values(self, self->kept.ended_values, event, span) == 0) {
        result = 1;
    }
end:
    Py_XDECREF(told);
    Py_XDECREF(chunks);
    Py_XDECREF(cached);
    Py_XDECREF(ended_at);
    Py_XDECREF(span);
    Py_XDECREF(span_id);
    return result;
}

/* Of a map's item; every other run is the rule's. */
int
run_start(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *span_id = text(handler, event, OF_span_id), *above = text(handler, event, OF_parent_span_id);
    PyObject *graph = clean_name(handler, event, OF_graph_name), *run_id = text(handler, event, OF_run_id);
    PyObject *item = fact(handler, event, OF_item_index), *started_at = micros(handler, event, OF_timestamp);
    PyObject *parent = above == NULL ? NULL : open_span(self, above), *path = NULL, *one = NULL, *span = NULL;
    int result = 0;
    if (!span_id || !parent || !graph || !run_id || !item || !PyLong_CheckExact(item) || !started_at ||
        is_repeated(self, span_id) != 0) {
        goto end;
    }
    long kind = kind_of(self, parent);
    if (kind != self->map_root && kind != self->nested_map) {
        goto end;
    }
    result = -1;
    path = path_of_item(FIELD(parent, self->span.path), item);
    one = PyLong_FromLong(1);
    if (path == NULL || one == NULL) {
        goto end;
    }
    Row row = {self->kept.ITEM, span_id, graph, graph, path, started_at, item, one, Py_None, Py_None};
    span = begin(self, parent, self->kept.ITEM_RUN, &row);
    if (span == NULL || store(span, self->span.call, Py_NewRef(FIELD(parent, self->span.call))) < 0 ||
        store(FIELD(span, self->span.frame), self->row.nested_run_id, Py_NewRef(run_id)) < 0) {
        goto end;
    }
    result = append(self, FIELD(span, self->span.frame), Py_None) < 0 ? -1 : 1;
end:
    Py_XDECREF(parent);
    Py_XDECREF(span);
    Py_XDECREF(one);
    Py_XDECREF(path);
    Py_XDECREF(started_at);
    Py_XDECREF(item);
    Py_XDECREF(run_id);
    Py_XDECREF(graph);
    Py_XDECREF(above);
    Py_XDECREF(span_id);
    return result;
}

/* The status of an item's row, borrowed; NULL for a failed one, and for any that nobody knows. */
static PyObject *
item_status(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *word = fact(handler, event, OF_status), *code = NULL;
    if (word != NULL && !PyUnicode_CheckExact(word)) { /* hypergraph's are enumerations */
        Py_SETREF(word, PyObject_GetAttr(word, self->value_name));
    }
    if (word != NULL && PyUnicode_CheckExact(word)) {
        code = PyDict_GetItemWithError(self->kept.item_statuses, word);
    }
    Py_XDECREF(word);
    return code;
}

int
run_end(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *span_id = text(handler, event, OF_span_id), *span = ended_span(self, span_id, self->item_run);
    PyObject *ended_at = micros(handler, event, OF_timestamp),
             *status = span == NULL ? NULL : item_status(handler, event);
    PyObject *told = NULL;
    int result = 0;
    if (status != NULL && ended_at != NULL && optional(handler, event, OF_duration_ms, &told) >= 0) {
        result = end_step(self, span, told, span_id, status, ended_at) == 0 &&
                         append(self, FIELD(span, self->span.frame), Py_None) == 0
                     ? 1
                     : -1;
    }
    Py_XDECREF(told);
    Py_XDECREF(ended_at);
    Py_XDECREF(span);
    Py_XDECREF(span_id);
    return result;
}

/* Counted in the rows of single runs alone; those of items and nested runs have no place for it. */
int
superstep_start(const Handler *handler, PyObject *event)
{
    Ordinary *self = handler->ordinary;
    PyObject *above = text(handler, event, OF_parent_span_id), *span = above == NULL ? NULL : open_span(self, above);
    int result = above != NULL && !PyErr_Occurred() && (span == NULL || kind_of(self, span) != self->root);
    Py_XDECREF(span);
    Py_XDECREF(above);
    return result;
}
