"""What the rehearsal is made of.

emulator   ministack: CloudFormation, Lambda, IAM and DynamoDB on this machine
templates  the templates as the emulator takes them
local      AWS's DynamoDB Local
recorder   between who asks AWS for something, and the emulator: writes down, and lets pass
asked      what a request asks for, as IAM sees it
policy     whether a policy allows it
world      all of it together, with the tables, functions and gateways of the templates
gateway    `callboard serve` as its container would run
package    the functions, as users package them
stubs      stock gRPC code
scenarios  what callers and operators do
"""
