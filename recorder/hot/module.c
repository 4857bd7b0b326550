/* The module ``recorder.hot._hot``: its types. */

#include "hot.h"

PyObject *
make(PyTypeObject *type, PyObject *args, int (*fill)(PyObject *self, PyObject *args))
{
    PyObject *self = type->tp_alloc(type, 0);
    if (self != NULL && fill(self, args) < 0) {
        Py_CLEAR(self);
    }
    return self;
}

void
let_go(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static int
fill(PyObject *module)
{
    PyType_Spec *specs[] = {&Gate_spec, &Lock_spec, &Ordinary_spec, &Handler_spec, &Writer_spec, &Scanner_spec};
    prepare_crc();
    for (size_t each = 0; each < sizeof specs / sizeof *specs; each++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[each], NULL);
        int failed = type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0;
        Py_XDECREF(type);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "recorder.hot._hot",
    .m_doc = "What happens at nearly every event, in C.",
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__hot(void)
{
    return PyModuleDef_Init(&definition);
}
