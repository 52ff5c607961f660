/* The outside contract, as built into the program (openapi.S). */
#ifndef RB_FCGI_OPENAPI_H
#define RB_FCGI_OPENAPI_H

extern const char openapi_json[];
extern const char openapi_json_end[]; /* one behind the last byte */

#endif
