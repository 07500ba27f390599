*** Settings ***
Documentation     A number under control, and a call of it.
Library           sorm_mediator.robot
Suite Setup       Start Lab    labs/minimal.toml
Suite Teardown    Stop Lab

*** Test Cases ***
A Call Of A Controlled Number Is Reported
    Send Command    start
    Send Command    add-ksl    ksl_group=1    ksl_a=0/1    ksl_b=0/1
    Send Command    add-object    object_number=258    number=28331    category=combined    ksl_group=1
    ${call}=    Make Call    28331    28332    ring=0    talk=60
    ${received}=    Expect Event    number-received    object_number=258    called.number=28332
    Should Be Equal    ${received}[calling][number]    28331
    Expect Event    answer    ksl_a=0/1
    Release Call    ${call}
    Expect Event    release    operation=5
    Expect Silence    0.1    kpd2

What The Lab Is Asked For Is Told To The Console
    Ask Lab    alarm    type=2    code=7
    Expect Message    alarm    alarm_type=2    alarm_code=7
    Send Octets    CC 01 11 00 31 32 33 34 35 36
    Expect Message    version-info

A Failure Shows Octets And Meaning
    Send Command    stop
    Send Command    add-object    object_number=259    number=28332
