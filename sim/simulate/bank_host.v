// The host of a simulated array: loads it, starts it and takes its results, without Python in between.
//
// Reads commands, a kind and a value in hexadecimal on each line of the file +commands= (sim/simulate/host.py), and writes what
// the array answers to the file +answers=: each beat of results, and after the last one of a start the line
// "done CYCLES BUSY". Opens both when rst falls. `progress` counts the entries of the job that are done; `finished`
// rises at the end. If no result comes for as long as a start allows, `stuck` and `finished` rise and `progress` moves on.
// CODESIGN_ARRAY is the name of the array's module.
module codesign_host #(
    parameter WRITE_BITS = 40,
    parameter RESULT_BITS = 9
) (
    input wire clk,
    input wire rst,
    output reg [31:0] progress,
    output reg finished,
    output reg stuck
);
    localparam VALUE_BITS = WRITE_BITS < 32 ? 32 : WRITE_BITS;
    localparam [2:0] WRITE = 0, START = 1, SEED = 2, WRITE_STALL = 3, RESULT_STALL = 4;
    localparam [1:0] OPEN = 0, FEED = 1, TAKE = 2, SETTLE = 3;

    string commands_name, answers_name;
    integer commands, answers, read;
    reg [2:0] kind;
    reg [VALUE_BITS-1:0] value;

    reg [1:0] state;
    reg settled;
    reg [31:0] random, waited, limit;
    reg [8:0] write_stall, result_stall; // of 256 cycles
    reg write_valid, start, result_room;
    reg [WRITE_BITS-1:0] write_payload;
    wire write_ready, result_valid, busy;
    wire [RESULT_BITS-1:0] result_payload;
    wire [31:0] cycles;

    `CODESIGN_ARRAY array (
        .clk(clk), .rst(rst), .start(start), .busy(busy), .queued(), .cycles(cycles),
        .write__valid(write_valid), .write__ready(write_ready), .write__payload(write_payload),
        .results__valid(result_valid), .results__ready(result_room), .results__payload(result_payload)
    );

    function [31:0] next_random(input [31:0] x); // xorshift: Marsaglia 2003
        reg [31:0] a, b;
        begin
            a = x ^ (x << 13);
            b = a ^ (a >> 17);
            next_random = b ^ (b << 5);
        end
    endfunction

    always @(posedge clk) begin
        random <= next_random(random);
        start <= 0;
        result_room <= state == TAKE && {1'b0, random[23:16]} >= result_stall;
        if (rst) begin
            {progress, finished, stuck, write_valid, result_room} <= 0;
            {random, state, write_stall, result_stall} <= {32'd1, OPEN, 18'd0};
        end else case (state)
            OPEN: begin
                if ($value$plusargs("commands=%s", commands_name)) commands = $fopen(commands_name, "r");
                if ($value$plusargs("answers=%s", answers_name)) answers = $fopen(answers_name, "w");
                state <= FEED;
            end
            FEED: if (!finished && (!write_valid || write_ready)) begin
                write_valid <= 0;
                if ({1'b0, random[7:0]} >= write_stall) begin
                    read = $fscanf(commands, "%h %h\n", kind, value);
                    if (read != 2) begin
                        $fclose(answers);
                        finished <= 1;
                    end else case (kind)
                        WRITE: {write_valid, write_payload} <= {1'b1, value[WRITE_BITS-1:0]};
                        START: {start, state, limit, waited} <= {1'b1, TAKE, value[31:0], 32'd0};
                        SEED: random <= value[31:0];
                        WRITE_STALL: write_stall <= value[8:0];
                        RESULT_STALL: result_stall <= value[8:0];
                        default: progress <= progress + 1; // an entry of the job ends
                    endcase
                end
            end
            TAKE: if (result_valid && result_room) begin
                $fwrite(answers, "%h\n", result_payload);
                waited <= 0;
                if (result_payload[RESULT_BITS-1]) {state, settled, result_room} <= {SETTLE, 1'b0, 1'b0};
            end else begin
                waited <= waited + 1;
                if (waited == limit) {stuck, finished, state, progress} <= {1'b1, 1'b1, FEED, progress + 32'd1};
            end
            SETTLE: begin
                settled <= 1;
                if (settled) begin
                    $fwrite(answers, "done %h %h\n", cycles, busy);
                    state <= FEED;
                end
            end
        endcase
    end
endmodule
