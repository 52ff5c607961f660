/* The outside contract, carried inside the program so that what is served is what was built. */
#include <cet.h> /* without its note the linker takes branch protection from the whole program */
    .section .rodata
    .global openapi_json
    .global openapi_json_end
    .balign 16
openapi_json:
    .incbin "fcgi/openapi.json"
openapi_json_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
